// Bytes through the relay: all of them, in order, then the end.
#include "support/flow.h"
#include "support/relay_rig.h"

using namespace limpet;
using namespace limpet::test;

namespace {

// Client and backend of one session.
struct Ends {
  Socket client;
  Socket backend;
};

Ends join(Rig& rig, const Port& port, const char* source = "127.0.0.1") {
  Ends ends;
  ends.client = rig.client(source);
  ends.backend = port.accept();
  CHECK(ends.client.open() && ends.backend.open());
  return ends;
}

// Both directions of every session at once.
bool exchange(std::vector<Ends>& sessions, uint64_t bytes, size_t most) {
  std::vector<Flow> flows;
  for (size_t i = 0; i < sessions.size(); i++) {
    flows.emplace_back(sessions[i].client, sessions[i].backend, 2 * i + 1, bytes + i, most);
    flows.emplace_back(sessions[i].backend, sessions[i].client, 2 * i + 2, bytes / (i + 1), most);
  }
  return run_flows(flows);
}

}  // namespace

TEST("random portions in both directions, many sessions at once") {
  Rig rig;
  const Port port;
  rig.set("a", port.number());
  for (const size_t most : {size_t{100}, size_t{5'000}, size_t{200'000}}) {
    std::vector<Ends> sessions;
    for (unsigned i = 0; i < 8; i++) sessions.push_back(join(rig, port));
    CHECK(exchange(sessions, rounds(most < 1'000 ? 30'000 : 1'000'000, 20'000'000), most));
  }
  rig.check_end(SessionCounter::kEndFinished, 24);
  CHECK_EQUAL(rig.count(SessionCounter::kOpened), uint64_t{24});
}

TEST("tiny send buffers: portions of every size") {
  Rig rig;
  const Port port;
  rig.set("a", port.number());
  std::vector<Ends> sessions;
  for (unsigned i = 0; i < 4; i++) {
    sessions.push_back(join(rig, port));
    sessions.back().client.set_send_buffer(2'048);
    sessions.back().backend.set_send_buffer(2'048);
  }
  CHECK(exchange(sessions, rounds(300'000, 5'000'000), 3'000));
  rig.check_end(SessionCounter::kEndFinished, 4);
}

TEST("bytes are counted in each direction") {
  Rig rig;
  const Port port;
  rig.set("a", port.number());
  Ends ends = join(rig, port);
  CHECK(ends.client.echoes(std::string(70'000, 'x'), ends.backend));
  CHECK(ends.backend.echoes("hello", ends.client));
  ends.client.finish();
  CHECK(ends.backend.ends());
  ends.backend.close();
  rig.check_end(SessionCounter::kEndFinished);
  CHECK_EQUAL(rig.count(SessionCounter::kBytesToBackend), uint64_t{70'000});
  CHECK_EQUAL(rig.count(SessionCounter::kBytesToClient), uint64_t{5});
}

TEST("the client ends first: the backend sees the end after the last byte, and its whole answer arrives") {
  Rig rig;
  const Port port;
  rig.set("a", port.number());
  Ends ends = join(rig, port);
  CHECK(ends.client.write("question"));
  ends.client.finish();
  CHECK_EQUAL(ends.backend.read_to_end(), "question");
  std::vector<Flow> answer;
  answer.emplace_back(ends.backend, ends.client, 9, 3'000'000);
  CHECK(run_flows(answer));
  rig.check_end(SessionCounter::kEndFinished);
}

TEST("the backend ends first: the client sees it, and may go on") {
  Rig rig;
  const Port port;
  rig.set("a", port.number());
  Ends ends = join(rig, port);
  CHECK(ends.backend.write("goodbye"));
  ends.backend.finish();
  CHECK_EQUAL(ends.client.read_to_end(), "goodbye");
  std::vector<Flow> rest;
  rest.emplace_back(ends.client, ends.backend, 9, 3'000'000);
  CHECK(run_flows(rest));
  rig.check_end(SessionCounter::kEndFinished);
}

TEST("a client that ends at once ends the session, without a byte") {
  Rig rig;
  const Port port;
  rig.set("a", port.number());
  for (unsigned i = 0; i < 20; i++) {
    Ends ends = join(rig, port);
    (i % 2 == 0 ? ends.client : ends.backend).close();
    CHECK((i % 2 == 0 ? ends.backend : ends.client).ends());
  }
  rig.check_end(SessionCounter::kEndFinished, 20);
}

TEST("a backend that writes and closes at once: no tail is lost, though the client reads later") {
  Rig rig;
  const Port port;
  rig.set("a", port.number());
  const uint64_t sessions = rounds(100, 5'000);
  for (uint64_t i = 0; i < sessions && failures == 0; i++) {
    Ends ends = join(rig, port);
    // Every tenth fills all buffers on the way, so that the relay itself holds bytes when the end comes.
    Flow flow(ends.backend, ends.client, i, i % 10 == 0 ? UINT64_MAX : 100 * 1024 + 1 + i);
    CHECK_EQUAL(fill(flow, ends.backend, 20), i % 10 == 0);
    ends.backend.close();
    CHECK(drain(flow, ends.client, flow.sent()) && ends.client.ends());
  }
  rig.check_end(SessionCounter::kEndFinished, sessions);
}

TEST("a slow reader stops the writer, and gets every byte in the end") {
  Rig rig;
  const Port port;
  rig.set("a", port.number());
  Ends ends = join(rig, port);
  constexpr uint64_t kTotal = 200ULL << 20;
  Flow flow(ends.backend, ends.client, 5, kTotal);
  REQUIRE(fill(flow, ends.backend, 300));
  CHECK(flow.sent() < 64ULL << 20);
  // A fresh session is served meanwhile.
  Ends other = join(rig, port);
  CHECK(other.client.echoes("still here", other.backend));
  other.client.close();
  other.backend.close();
  CHECK(drain(flow, ends.client, flow.sent()));
  CHECK(wait_for(ends.backend.fd(), POLLOUT));  // there is room again
  ends.client.close();
  ends.backend.close();
  rig.check_balance();
}

TEST("both directions full: no deadlock, and all bytes when both read") {
  Rig rig({.workers = 1});
  const Port port;
  rig.set("a", port.number());
  Ends ends = join(rig, port);
  constexpr uint64_t kTotal = 128ULL << 20;
  std::vector<Flow> flows;
  flows.emplace_back(ends.client, ends.backend, 1, kTotal);
  flows.emplace_back(ends.backend, ends.client, 2, kTotal);
  REQUIRE(fill(flows[0], ends.client, 200) && fill(flows[1], ends.backend, 200));
  CHECK(flows[0].sent() < kTotal && flows[1].sent() < kTotal);
  CHECK(run_flows(flows));
  rig.check_end(SessionCounter::kEndFinished);
}

TEST("a bulk transfer does not starve the other sessions of its thread") {
  Rig rig({.workers = 1});
  const Port port;
  rig.set("a", port.number());
  Ends bulk = join(rig, port);
  Ends chat = join(rig, port);
  std::atomic<bool> done{false};
  uint64_t written = 0;
  uint64_t read = 0;
  std::vector<std::thread> threads;
  threads.emplace_back([&] {
    const std::string bytes(256 * 1024, 'x');
    while (!done && bulk.client.write(bytes)) written += bytes.size();
    bulk.client.finish();
  });
  threads.emplace_back([&] { read = bulk.backend.skip_to_end(); });
  for (uint64_t i = 0; i < rounds(300, 10'000); i++) {
    if (!CHECK(chat.client.echoes("ping", chat.backend) && chat.backend.echoes("pong", chat.client))) break;
  }
  done = true;
  for (std::thread& thread : threads) thread.join();
  CHECK_EQUAL(read, written);
  CHECK(written > 0);
  bulk.backend.finish();
  CHECK(bulk.client.ends());
  chat.client.close();
  chat.backend.close();
  rig.check_end(SessionCounter::kEndFinished, 2);
}

TEST("bytes read before the hand-over come first") {
  Rig rig;
  const Port port;
  rig.set("a", port.number());
  for (const size_t size : {size_t{1}, size_t{100}, size_t{65'536}, size_t{8'000'000}}) {
    const std::string head = stream_bytes(1, 0, size);
    Socket client = rig.client("127.0.0.1", head);
    CHECK_EQUAL(rig.handed, static_cast<int>(HandOver::kTaken));
    CHECK(client.write("and the rest"));
    client.finish();
    Socket backend = port.accept();
    CHECK(backend.read_to_end() == head + "and the rest");
    backend.close();
    CHECK(client.ends());
  }
  rig.check_end(SessionCounter::kEndFinished, 4);
}

TEST("urgent data does not stop the stream") {
  Rig rig;
  const Port port;
  rig.set("a", port.number());
  Ends ends = join(rig, port);
  for (unsigned i = 0; i < 10; i++) {
    CHECK(ends.client.write("before"));
    CHECK_EQUAL(send(ends.client.fd(), "!", 1, MSG_OOB | MSG_NOSIGNAL), ssize_t{1});
    CHECK(ends.client.write("after"));
  }
  ends.client.finish();
  const std::string bytes = ends.backend.read_to_end();
  size_t found = 0;
  for (size_t at = bytes.find("after"); at != std::string::npos; at = bytes.find("after", at + 1)) found++;
  CHECK_EQUAL(found, size_t{10});
  ends.backend.close();
  rig.check_end(SessionCounter::kEndFinished);
}

TEST_MAIN
