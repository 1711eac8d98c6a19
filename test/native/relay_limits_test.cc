// What is refused at the hand-over, what is recorded, and what is given back.
#include <cstring>
#include <thread>

#include "support/relay_rig.h"

using namespace limpet;
using namespace limpet::test;

namespace {

int code(HandOver status) { return static_cast<int>(status); }

SessionRecord numbered(uint64_t number) {
  SessionRecord record{};
  record.kind = RecordKind::kClose;
  record.session = number;
  record.at_ms = ~number;
  return record;
}

}  // namespace

TEST("maxSessions of a listener: newcomers past it are refused, until one leaves") {
  Rig rig({.max_sessions = 2});
  const Port port;
  rig.set("a", port.number());
  Socket first = rig.client();
  Socket second = rig.client();
  CHECK_EQUAL(rig.handed, code(HandOver::kTaken));
  CHECK_EQUAL(rig.relay.sessions_of(rig.listener), int64_t{2});
  Socket third = rig.client();
  CHECK_EQUAL(rig.handed, code(HandOver::kMaxSessions));
  CHECK(third.ends());  // the descriptor was the test's to close
  CHECK_EQUAL(rig.count(SessionCounter::kRefusedMaxSessions), uint64_t{1});
  first.reset();
  CHECK(eventually([&] { return rig.relay.sessions_of(rig.listener) == 1; }));
  Socket fourth = rig.client();
  CHECK_EQUAL(rig.handed, code(HandOver::kTaken));
  second.reset();
  fourth.reset();
  rig.check_balance();
}

TEST("a cut of more sessions than there is room for records waits for who reads them, a little") {
  constexpr unsigned kLive = 100;
  for (const bool read : {true, false}) {
    Rig rig({.workers = 1, .record = true});
    const Port port;
    rig.set("a", port.number());
    // Two records each, up to some below the ring's 4,096.
    for (unsigned i = 0; i < 1980; i++) {
      Socket client = rig.client();
      Socket backend = port.accept();
      CHECK(client.echoes("x", backend));
      // Not closed: thousands of ports would wait for a minute each.
      client.reset();
      CHECK(backend.is_reset());
    }
    CHECK(rig.idle());
    std::vector<Socket> clients;
    for (unsigned i = 0; i < kLive; i++) clients.push_back(rig.client());
    CHECK(rig.counts(SessionCounter::kOpened, 1980 + kLive));
    rig.relay.cut();
    if (!read) {
      CHECK(rig.idle());  // nobody is waited for without end
      CHECK(rig.count(SessionCounter::kRecordsDropped) > 0);
      continue;
    }
    CHECK(eventually([&] { return rig.relay.sessions() < kLive; }));
    unsigned closed = 0;
    CHECK(eventually([&] {
      for (const SessionRecord& record : rig.drain()) {
        if (record.cause == static_cast<uint8_t>(SessionCounter::kEndShutdown)) closed++;
      }
      return closed == kLive;
    }));
    rig.check_balance();
    CHECK_EQUAL(rig.count(SessionCounter::kRecordsDropped), uint64_t{0});
  }
}

TEST("the budget keeps what threads and listen socket have, and the last part from pipes") {
  FdBudget& budget = FdBudget::process();
  budget.init();
  const uint32_t before = budget.limit();
  {
    Rig rig({.workers = 3});
    CHECK_EQUAL(budget.limit(), before - 6);
    rig.listen();
    CHECK_EQUAL(budget.limit(), before - 7);
    CHECK(rig.unlisten());
    CHECK_EQUAL(budget.limit(), before - 6);
    const uint32_t spare = budget.limit() - budget.limit() / 8;
    CHECK(budget.take(spare));
    CHECK(!budget.take_spare(2));
    CHECK(budget.take(2));
    budget.give(spare + 2);
  }
  CHECK_EQUAL(budget.limit(), before);
}

TEST("listeners have limits and pools of their own") {
  Rig rig({.max_sessions = 1});
  const Port port;
  const Port elsewhere;
  rig.set("a", port.number());
  auto pool = std::make_shared<Pool>(pool_rules({}), rig.domain);
  CHECK(pool->set_backend("other", {make_endpoint("127.0.0.1", elsewhere.number())}) >= 0);
  pool->publish();
  const uint32_t pool_id = rig.relay.add_pool(pool, {1'000, 0, 0}, {}, 0);
  CHECK_EQUAL(rig.relay.add_listener(pool_id + 1, 0, false), -1);
  const uint32_t first = rig.listener;
  const auto second = static_cast<uint32_t>(rig.relay.add_listener(pool_id, 0, true));
  Socket a = rig.client();
  rig.listener = second;
  Socket b = rig.client();
  CHECK_EQUAL(rig.handed, code(HandOver::kTaken));
  Socket at_port = port.accept();
  Socket at_elsewhere = elsewhere.accept();
  CHECK(a.echoes("one", at_port) && b.echoes("two", at_elsewhere));
  CHECK_EQUAL(rig.relay.sessions_of(first), int64_t{1});
  CHECK_EQUAL(rig.relay.sessions_of(second), int64_t{1});
  CHECK_EQUAL(rig.relay.sessions(), 2U);
  CHECK_EQUAL(rig.relay.sessions_of(99), int64_t{-1});
  CHECK_EQUAL(rig.relay.hand_over(99, a.fd(), nullptr, 0, false), -1);
  for (Socket* socket : {&a, &b, &at_port, &at_elsewhere}) socket->close();
  CHECK(rig.idle());
  CHECK_EQUAL(pool->seats(), uint64_t{0});
}

TEST("past the budget of descriptors newcomers are refused, sessions live on") {
  Rig rig;
  const Port port;
  rig.set("a", port.number());
  Socket client = rig.client();
  Socket backend = port.accept();
  FdBudget& budget = FdBudget::process();
  const uint32_t rest = budget.limit() - budget.used() - 1;
  REQUIRE(budget.take(rest));
  Socket refused = rig.client();
  CHECK_EQUAL(rig.handed, code(HandOver::kFdBudget));
  CHECK(refused.ends());
  CHECK_EQUAL(rig.count(SessionCounter::kRefusedFdBudget), uint64_t{1});
  CHECK(client.echoes("still here", backend));
  budget.give(rest);
  Socket taken = rig.client();
  CHECK_EQUAL(rig.handed, code(HandOver::kTaken));
  for (Socket* socket : {&client, &backend, &taken}) socket->reset();
  rig.check_balance();
}

TEST("the budget gives what is there, and not one more, to any number of threads") {
  FdBudget budget;
  budget.init();
  const uint32_t limit = budget.limit();
  REQUIRE(limit > 100);
  std::atomic<uint32_t> taken{0};
  run_threads(4, [&](unsigned) {
    while (budget.take(2)) taken.fetch_add(2);
  });
  CHECK_EQUAL(taken.load(), limit / 2 * 2);
  CHECK_EQUAL(budget.used(), taken.load());
  CHECK(!budget.take(2));
  budget.give(2);
  CHECK(budget.take(2));
}

TEST("a client that is gone already has no address: refused and counted") {
  Rig rig;
  Socket client = begin_connection(rig.front.number());
  const Socket accepted = rig.front.accept();
  client.reset();
  CHECK(wait_for(accepted.fd(), POLLHUP));
  CHECK_EQUAL(rig.hand_over(accepted), code(HandOver::kNoAddress));
  rig.check_end(SessionCounter::kRefusedNoAddress);
}

TEST("no descriptor is left behind") {
  const Port port;
  const Port refusing(Port::Kind::kRefusing);
  const size_t before = open_descriptors();
  {
    Rig rig;
    rig.set("a", port.number());
    rig.set("b", refusing.number());
    for (unsigned i = 1; i < 100; i++) {
      Socket client = rig.client(("127.0.0." + std::to_string(i)).c_str());
      Socket backend = port.accept();
      if (i % 3 == 0) client.reset();
      if (i % 3 == 1) backend.reset();
    }
    rig.check_balance();
  }
  CHECK_EQUAL(open_descriptors(), before);
}

TEST("records: opened, closed with cause and bytes, refused") {
  Rig rig({.workers = 1, .record = true});
  const Port port;
  rig.set("a", port.number());
  Socket client = rig.client("127.0.0.9");
  Socket backend = port.accept();
  CHECK(client.echoes("12345", backend));
  CHECK(backend.echoes("123", client));
  const uint16_t client_port = local_port(client.fd());
  client.close();
  CHECK(backend.ends());
  backend.close();
  CHECK(rig.idle());
  rig.pool->remove_backend("a");
  rig.pool->publish();
  Socket refused = rig.client();
  CHECK(refused.ends());
  CHECK(rig.idle());
  const auto records = rig.drain();
  REQUIRE(records.size() == 3);
  CHECK_EQUAL(records[0].kind, RecordKind::kOpen);
  CHECK_EQUAL(records[1].kind, RecordKind::kClose);
  CHECK_EQUAL(records[2].kind, RecordKind::kRefused);
  for (unsigned i = 0; i < 2; i++) {
    CHECK_EQUAL(records[i].family, uint8_t{4});
    CHECK_EQUAL(records[i].client_port, client_port);
    CHECK_EQUAL(records[i].client[3], uint8_t{9});
    CHECK_EQUAL(records[i].listener, rig.listener);
    CHECK_EQUAL(records[i].pool, rig.pool_id);
    CHECK_EQUAL(records[i].session, records[0].session);
    CHECK_EQUAL(records[i].backend, uint16_t{0});
    CHECK_EQUAL(records[i].reason, static_cast<uint8_t>(Reason::kHome));
  }
  CHECK_EQUAL(records[0].cause, uint8_t{0});
  CHECK_EQUAL(records[1].cause, static_cast<uint8_t>(SessionCounter::kEndFinished));
  CHECK_EQUAL(records[1].bytes_to_backend, uint64_t{5});
  CHECK_EQUAL(records[1].bytes_to_client, uint64_t{3});
  CHECK_EQUAL(records[2].cause, static_cast<uint8_t>(SessionCounter::kRefusedNoBackend));
  CHECK_EQUAL(records[2].backend, uint16_t{0xffff});
  CHECK_EQUAL(records[2].reason, uint8_t{255});
  CHECK(records[2].session != records[0].session);
  CHECK(rig.drain().empty());
}

TEST("records are drained in portions, and dropped and counted when nobody drains them") {
  constexpr uint64_t kRing = 4'096;
  Rig rig({.workers = 1, .record = true});
  const uint64_t refused = kRing + 200;
  for (uint64_t i = 0; i < refused; i++) {
    rig.client();
    if (i % 256 == 255) CHECK(rig.idle());
  }
  rig.check_end(SessionCounter::kRefusedNoBackend, refused);
  CHECK_EQUAL(rig.count(SessionCounter::kRecordsDropped), uint64_t{200});
  size_t drained = 0;
  for (size_t got = 1; got > 0;) drained += got = rig.drain(500).size();
  CHECK_EQUAL(drained, size_t{kRing});
  rig.client();
  CHECK(rig.idle());
  CHECK_EQUAL(rig.drain().size(), size_t{1});
}

TEST("no records without being asked") {
  Rig rig;
  rig.client();
  CHECK(rig.idle());
  CHECK(rig.drain().empty());
}

TEST("the ring between a writer and a reader: everything once, in order") {
  RecordRing ring;
  const uint64_t count = rounds(200'000, 5'000'000);
  std::thread writer([&] {
    for (uint64_t i = 0; i < count;) {
      if (ring.push(numbered(i))) {
        i++;
      } else {
        sched_yield();
      }
    }
  });
  std::vector<SessionRecord> records(300);
  Random random;
  uint64_t next = 0;
  while (next < count) {
    const size_t got = ring.drain(reinterpret_cast<uint8_t*>(records.data()), random.between(1, records.size()));
    for (size_t i = 0; i < got; i++, next++) {
      if (records[i].session != next || records[i].at_ms != ~next) FAIL("a record is wrong");
    }
    if (got == 0) sched_yield();
  }
  writer.join();
  CHECK_EQUAL(next, count);
  CHECK_EQUAL(ring.drain(reinterpret_cast<uint8_t*>(records.data()), 10), size_t{0});
}

TEST("work is spread over the workers") {
  Rig rig({.workers = 4, .record = true});
  const Port port;
  rig.set("a", port.number());
  std::vector<Socket> clients;
  for (unsigned i = 0; i < 16; i++) clients.push_back(rig.client());
  CHECK(rig.counts(SessionCounter::kOpened, 16));
  unsigned by_worker[8] = {};
  for (const SessionRecord& record : rig.drain()) by_worker[record.session & 7]++;  // the worker's row
  for (unsigned row = 1; row <= 4; row++) CHECK_EQUAL(by_worker[row], 4U);
  for (Socket& client : clients) client.reset();
  rig.check_balance();
}

TEST_MAIN
