// Clients that wait for a seat in the relay: on whichever thread they are, and whatever ends their wait.
#include <poll.h>

#include <deque>
#include <thread>

#include "support/relay_rig.h"

using namespace limpet;
using namespace limpet::test;

namespace {

constexpr uint64_t kLongMs = 3'600'000;

RigOptions with_queue(uint32_t size, uint64_t timeout_ms = kLongMs, unsigned workers = 3) {
  RigOptions options;
  options.workers = workers;
  options.queue = {size, timeout_ms};
  return options;
}

bool waits(const Rig& rig, uint32_t count) {
  return eventually([&] { return rig.pool->waiting() == count; });
}

uint64_t counted(const Rig& rig, PoolCounter counter) {
  return rig.pool->counters()->sum(static_cast<unsigned>(counter));
}

}  // namespace

TEST("who waits is served in the order of arrival, across the workers, and not read from before") {
  Rig rig(with_queue(10));
  const Port port;
  rig.set("a", port.number(), 1);
  Socket current = rig.client();
  Socket backend = port.accept();
  CHECK(current.echoes("first", backend));
  std::deque<Socket> clients;
  for (uint32_t i = 0; i < 8; i++) {
    clients.push_back(rig.client("127.0.0.1", std::to_string(i)));
    CHECK(waits(rig, i + 1));
  }
  CHECK_EQUAL(rig.backend("a")->total(), uint64_t{1});
  for (uint32_t i = 0; i < 8; i++) {
    current.reset();
    backend = port.accept();
    CHECK_EQUAL(backend.read(1), std::to_string(i));
    current = std::move(clients[i]);
  }
  current.reset();
  rig.check_balance();
  CHECK_EQUAL(rig.count(SessionCounter::kOpened), uint64_t{9});
  CHECK_EQUAL(counted(rig, PoolCounter::kWaited), uint64_t{8});
}

TEST("a client that leaves is forgotten at once, also one that ends only its own side") {
  Rig rig(with_queue(3));
  const Port port;
  rig.set("a", port.number(), 1);
  Socket current = rig.client();
  Socket backend = port.accept();
  Socket finishes = rig.client("127.0.0.1", "said something");
  CHECK(waits(rig, 1));
  finishes.finish();
  CHECK(finishes.closes());
  Socket resets = rig.client();
  CHECK(waits(rig, 1));
  resets.reset();
  CHECK(waits(rig, 0));
  current.reset();
  rig.check_balance();
  CHECK_EQUAL(counted(rig, PoolCounter::kQueueLeft), uint64_t{2});
  CHECK_EQUAL(rig.count(SessionCounter::kRefusedQueueTimeout), uint64_t{0});
}

TEST("whoever has waited long enough is closed") {
  Rig rig(with_queue(3, 50));
  const Port port;
  rig.set("a", port.number(), 1);
  Socket current = rig.client();
  Socket backend = port.accept();
  std::deque<Socket> clients;
  for (unsigned i = 0; i < 3; i++) clients.push_back(rig.client());
  for (Socket& client : clients) CHECK(client.ends());
  CHECK(waits(rig, 0));
  CHECK_EQUAL(counted(rig, PoolCounter::kQueueTimeouts), uint64_t{3});
  CHECK_EQUAL(rig.count(SessionCounter::kRefusedQueueTimeout), uint64_t{3});
  CHECK(counted(rig, PoolCounter::kWaitedMs) >= uint64_t{150});
  current.reset();
  rig.check_balance();
}

TEST("whoever finds the queue full is closed at once") {
  Rig rig(with_queue(2));
  const Port port;
  rig.set("a", port.number(), 1);
  Socket current = rig.client();
  Socket backend = port.accept();
  Socket first = rig.client();
  CHECK(waits(rig, 1));
  Socket second = rig.client();
  CHECK(waits(rig, 2));
  CHECK(rig.client().ends());
  CHECK_EQUAL(rig.count(SessionCounter::kRefusedQueueFull), uint64_t{1});
  CHECK_EQUAL(counted(rig, PoolCounter::kQueueFull), uint64_t{1});
  for (Socket* const socket : {&first, &second, &current}) socket->reset();
  rig.check_balance();
}

TEST("a cut ends those who wait, and so does the end of the relay") {
  for (const bool stop : {false, true}) {
    Rig rig(with_queue(10));
    const Port port;
    rig.set("a", port.number(), 1);
    Socket current = rig.client();
    Socket backend = port.accept();
    std::deque<Socket> clients;
    for (unsigned i = 0; i < 6; i++) clients.push_back(rig.client());
    CHECK(waits(rig, 6));
    if (stop) {
      rig.relay.stop();
    } else {
      rig.relay.cut();
    }
    for (Socket& client : clients) CHECK(client.ends());
    CHECK(waits(rig, 0));
    CHECK_EQUAL(rig.count(SessionCounter::kEndShutdown), uint64_t{7});
    if (!stop) rig.check_balance();
  }
}

TEST("a backend that gets room, and another one, serve who waits") {
  Rig rig(with_queue(10));
  const Port port;
  const Port other;
  rig.set("a", port.number(), 1);
  Socket current = rig.client();
  Socket at_current = port.accept();
  Socket first = rig.client();
  CHECK(waits(rig, 1));
  Socket second = rig.client();
  CHECK(waits(rig, 2));
  rig.set("a", port.number(), 2);
  Socket at_first = port.accept();
  CHECK(first.echoes("first", at_first));
  CHECK_EQUAL(rig.pool->waiting(), 1U);
  rig.set("b", other.number(), 1);
  Socket at_second = other.accept();
  CHECK(second.echoes("second", at_second));
  for (Socket* const socket : {&first, &second, &current}) socket->reset();
  rig.check_balance();
}

namespace {

// Clients that have got a byte leave, until none is left.
void leave_when_served(std::vector<Socket>& clients) {
  while (!clients.empty()) {
    std::vector<pollfd> all;
    for (const Socket& client : clients) all.push_back({client.fd(), POLLIN, 0});
    if (poll(all.data(), all.size(), kPatienceMs) <= 0) {
      FAIL(std::to_string(clients.size()) + " clients were forgotten");
      return;
    }
    for (size_t i = 0; i < all.size(); i++) {
      if (all[i].revents == 0) continue;
      CHECK_EQUAL(clients[i].read(1), std::string("x"));
      clients[i].reset();
    }
    std::erase_if(clients, [](const Socket& client) { return !client.open(); });
  }
}

}  // namespace

// A call that is lost would leave somebody waiting.
TEST("crowds through two seats, on four threads: everybody is served") {
  constexpr unsigned kCrowd = 100;
  const uint64_t crowds = rounds(4, 50);
  Rig rig(with_queue(kCrowd, kLongMs, 4));
  const Port port;
  rig.set("a", port.number(), 2);
  std::thread server([&] {
    for (uint64_t i = 0; i < crowds * kCrowd; i++) {
      Socket session = port.accept();
      CHECK(session.write("x"));
      CHECK(session.closes());
    }
  });
  for (uint64_t round = 0; round < crowds; round++) {
    std::vector<Socket> clients;
    for (unsigned i = 0; i < kCrowd; i++) clients.push_back(rig.client());
    leave_when_served(clients);
  }
  server.join();
  rig.check_balance();
  CHECK_EQUAL(rig.count(SessionCounter::kOpened), crowds * kCrowd);
  CHECK_EQUAL(rig.pool->waiting(), 0U);
}

TEST_MAIN
