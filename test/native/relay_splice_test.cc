// Bulk through pipes: every byte, whatever happens while a pipe holds some.
#include "support/bulk.h"

using namespace limpet;
using namespace limpet::test;

namespace {

constexpr uint64_t kMib = 1 << 20;
constexpr uint64_t kEndless = UINT64_MAX;

struct SpliceRig : Rig {
  explicit SpliceRig(const RigOptions& options = {.workers = 1}) : Rig(options) { set("a", port.number()); }
  uint64_t spliced() { return count(SessionCounter::kBytesSpliced); }
  const Port port;
};

// Reads and checks everything that was sent, then the end.
void drain_to_end(Flow& flow, Socket& to) { CHECK(drain(flow, to, flow.sent()) && to.ends()); }

}  // namespace

TEST("both directions at once, in random portions, many sessions: all bytes, most of them spliced") {
  SpliceRig rig({.workers = 2});
  for (const size_t most : {size_t{3'000}, size_t{64 * 1024}, size_t{400'000}}) {
    std::vector<std::unique_ptr<Joined>> sessions;
    std::vector<Flow> flows;
    for (uint64_t i = 0; i < 4; i++) {
      sessions.push_back(std::make_unique<Joined>(rig, rig.port));
      Streams streams(*sessions.back(), 3 * kMib + i, (4 + i) * kMib, most, i);
      CHECK(fill(streams.up(), sessions.back()->client, 5) || streams.up().finished());
      for (Flow& flow : streams.flows) flows.push_back(std::move(flow));
    }
    CHECK(run_flows(flows));
  }
  rig.check_end(SessionCounter::kEndFinished, 12);
  CHECK(rig.spliced() > 20 * kMib);
  CHECK(rig.spliced() <= rig.count(SessionCounter::kBytesToBackend) + rig.count(SessionCounter::kBytesToClient));
  CHECK_EQUAL(rig.count(SessionCounter::kSpliceFallbacks), uint64_t{0});
}

TEST("short writes: a send buffer of 4 KiB, random portions") {
  for (uint64_t round = 0; round < rounds(3, 100); round++) {
    SpliceRig rig;
    Joined ends(rig, rig.port, 4'096);
    Streams streams(ends, kEndless, kEndless, 1'000 + round * 7'919 % 100'000, round);
    CHECK(streams.load_down());
    for (unsigned step = 0; step < 3'000; step++) {
      streams.up().step();
      streams.down().step();
    }
    streams.finish();
    rig.check_end(SessionCounter::kEndFinished);
    CHECK(rig.spliced() > kMib);
  }
}

TEST("a receiver that stalls keeps one pipe, and gets all bytes in the end") {
  SpliceRig rig;
  Joined ends(rig, rig.port);
  Streams streams(ends, 1, kEndless);
  REQUIRE(streams.load_down());
  const uint64_t spliced = rig.spliced();
  CHECK(spliced > 0);
  // The other direction goes on.
  for (unsigned i = 0; i < 100; i++) CHECK(ends.client.echoes("still here", ends.backend));
  CHECK_EQUAL(rig.spliced(), spliced);
  for (unsigned i = 0; i < 5; i++) {
    CHECK(drain(streams.down(), ends.client, streams.down().received() + 100'000));
    CHECK(fill(streams.down(), ends.backend, 5));
  }
  ends.backend.finish();
  drain_to_end(streams.down(), ends.client);
  ends.client.close();
  rig.check_end(SessionCounter::kEndFinished);
}

TEST("both directions full, with bytes in both pipes: no deadlock, and all bytes when both read") {
  SpliceRig rig;
  Joined ends(rig, rig.port);
  Streams streams(ends, kEndless, kEndless);
  REQUIRE(streams.load());
  streams.finish();
  rig.check_end(SessionCounter::kEndFinished);
}

TEST("the end comes while the pipe holds bytes: no tail is lost") {
  SpliceRig rig;
  const uint64_t sessions = rounds(12, 1'000);
  for (uint64_t i = 0; i < sessions && failures == 0; i++) {
    Joined ends(rig, rig.port, i % 2 == 0 ? 0 : 8'192);
    Streams streams(ends, 1, kEndless, 64 * 1024, i);
    REQUIRE(streams.load_down());
    ends.backend.close();
    drain_to_end(streams.down(), ends.client);
    ends.client.close();
    CHECK(rig.idle());
  }
  rig.check_end(SessionCounter::kEndFinished, sessions);
}

TEST("a reset or a cut while pipes hold bytes: they are closed, and no byte of theirs comes up elsewhere") {
  const size_t before = open_descriptors();
  {
    SpliceRig rig;
    const uint64_t sessions = rounds(12, 600);
    for (uint64_t i = 0; i < sessions && failures == 0; i++) {
      Joined ends(rig, rig.port);
      Streams streams(ends, kEndless, kEndless, 64 * 1024, i);
      REQUIRE(i % 2 == 0 ? streams.load() : streams.load_down());
      if (i % 3 == 0) ends.backend.reset();
      if (i % 3 == 1) ends.client.reset();
      if (i % 3 == 2) rig.relay.cut();
      CHECK(rig.idle());
      CHECK_EQUAL(FdBudget::process().used(), 0U);
      for (Socket* socket : {&ends.client, &ends.backend}) CHECK(!socket->open() || socket->closes());
    }
    rig.check_balance();
    CHECK_EQUAL(rig.count(SessionCounter::kEndBackendReset), sessions / 3);
    CHECK_EQUAL(rig.count(SessionCounter::kEndClientReset), sessions / 3);
    CHECK_EQUAL(rig.count(SessionCounter::kEndShutdown), sessions / 3);
  }
  CHECK(eventually([&] { return open_descriptors() <= before; }));
}

TEST("bytes that wait in a pipe are not counted as passed on") {
  SpliceRig rig({.workers = 1, .record = true});
  Joined ends(rig, rig.port);
  Streams streams(ends, 1, kEndless);
  REQUIRE(streams.load_down());
  rig.relay.cut();
  rig.check_end(SessionCounter::kEndShutdown);
  SessionRecord records[2];
  REQUIRE(rig.relay.drain_records(reinterpret_cast<uint8_t*>(records), 2) == 2);
  CHECK_EQUAL(records[1].bytes_to_client, rig.count(SessionCounter::kBytesToClient));
  CHECK(records[1].bytes_to_client < streams.down().sent());
}

TEST("a direction that goes quiet is copied again, and its pipe serves others") {
  SpliceRig rig;
  const size_t before = open_descriptors();
  Joined first(rig, rig.port);
  Joined second(rig, rig.port);
  for (Joined* ends : {&first, &second, &first}) {
    Streams streams(*ends, 1, kEndless);
    REQUIRE(streams.load_down());
    CHECK(drain(streams.down(), ends->client, streams.down().sent()));
    // The relay may be behind: a few more are spliced before it sees that nothing else comes.
    CHECK(rig.spliced() > 0);
    CHECK(eventually([&] {
      const uint64_t spliced = rig.spliced();
      for (unsigned i = 0; i < 20; i++) CHECK(ends->backend.echoes("small", ends->client));
      return rig.spliced() == spliced;
    }));
  }
  // Two descriptors a session, and one pipe for both.
  CHECK_EQUAL(FdBudget::process().used(), 6U);
  for (Socket* socket : {&first.client, &second.client, &first.backend, &second.backend}) socket->close();
  CHECK(rig.idle());
  CHECK_EQUAL(open_descriptors(), before);
  rig.check_balance();
}

TEST("the tail of bulk is not held back") {
  SpliceRig rig;
  Joined ends(rig, rig.port);
  const std::string bytes(4 * kMib + 1, 'x');
  auto least = std::chrono::steady_clock::duration::max();
  for (unsigned i = 0; i < 20; i++) {
    std::thread writer([&] { CHECK(ends.backend.write(bytes)); });
    CHECK_EQUAL(ends.client.read(bytes.size() - 70'000).size(), bytes.size() - 70'000);
    writer.join();
    const auto began = std::chrono::steady_clock::now();
    CHECK_EQUAL(ends.client.read(70'000).size(), size_t{70'000});
    least = std::min(least, std::chrono::steady_clock::now() - began);
  }
  CHECK(rig.spliced() > 0);
  // Held back, each of them would wait for the 200 ms of TCP's timer.
  CHECK(least < std::chrono::milliseconds(150));
  ends.client.close();
  ends.backend.close();
  rig.check_balance();
}

TEST("urgent data in the middle of bulk, and an end right behind it") {
  SpliceRig rig;
  for (uint64_t i = 0; i < rounds(10, 300) && failures == 0; i++) {
    Joined ends(rig, rig.port);
    const uint64_t half = 6 * kMib;
    Streams streams(ends, 1, kEndless, 64 * 1024, i);
    // In one go, so that mark and end may be there before the relay hears of either.
    std::thread reader([&] { CHECK(drain(streams.down(), ends.client, half)); });
    std::string bytes = stream_bytes(2 * i + 1, 0, half + 10'000);
    CHECK(ends.backend.write({bytes.data(), half}));
    CHECK_EQUAL(send(ends.backend.fd(), "!", 1, MSG_OOB | MSG_NOSIGNAL), ssize_t{1});
    CHECK(ends.backend.write({bytes.data() + half, 10'000}));
    ends.backend.close();
    reader.join();
    CHECK(drain(streams.down(), ends.client, bytes.size()) && ends.client.ends());
    ends.client.close();
    CHECK(rig.idle());
  }
  CHECK(rig.spliced() > 0);
  rig.check_balance();
}

TEST("resets at any moment, while a writer's SIGPIPE would end the process") {
  signal(SIGPIPE, SIG_DFL);
  SpliceRig rig;
  for (uint64_t i = 0; i < rounds(100, 3'000); i++) {
    Joined ends(rig, rig.port);
    Streams streams(ends, 1, kEndless, 300'000, i);
    for (uint64_t step = 0; step < 40 + i % 17; step++) streams.down().write_some();
    ends.client.reset();
    for (unsigned step = 0; step < 10; step++) streams.down().write_some();
    CHECK(rig.idle());
  }
  rig.check_end(SessionCounter::kEndClientReset, rounds(100, 3'000));
}

TEST_MAIN
