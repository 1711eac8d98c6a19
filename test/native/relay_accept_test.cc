// The workers accept: who is served, by whom, and what happens to those who wait when there is no room or the listen
// socket closes.
#include <sys/resource.h>

#include <map>

#include "support/echo.h"
#include "support/random.h"
#include "support/relay_rig.h"

using namespace limpet;
using namespace limpet::test;

namespace {

std::vector<Socket> connect_many(uint16_t port, size_t count) {
  std::vector<Socket> clients;
  for (size_t i = 0; i < count; i++) {
    clients.push_back(begin_connection(port, ("127.0.0." + std::to_string(1 + i % 200)).c_str()));
  }
  return clients;
}

// All of them are served: each gets its own byte back.
bool all_served(std::vector<Socket>& clients) {
  for (size_t i = 0; i < clients.size(); i++) {
    if (!clients[i].write(std::string(1, static_cast<char>(i)))) return false;
  }
  for (size_t i = 0; i < clients.size(); i++) {
    if (clients[i].read(1) != std::string(1, static_cast<char>(i))) return false;
  }
  return true;
}

Socket connect_unix(const std::string& path) {
  const auto address = make_endpoint("unix:" + path, 0);
  Socket socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (connect(socket.fd(), address->get(), address->length) != 0) socket.close();
  return socket;
}

// Takes what is left of the budget of descriptors, less a few, until it is destroyed.
class ScarceDescriptors {
 public:
  explicit ScarceDescriptors(uint32_t left) : taken_(FdBudget::process().limit() - FdBudget::process().used() - left) {
    CHECK(FdBudget::process().take(taken_));
  }
  ~ScarceDescriptors() { end(); }
  void end() { FdBudget::process().give(std::exchange(taken_, 0)); }

 private:
  uint32_t taken_;
};

}  // namespace

TEST("clients are accepted by the workers, and served") {
  Rig rig;
  EchoServer backend;
  rig.set("a", backend.number());
  rig.listen();
  rig.relay.accept(rig.listener);
  auto clients = connect_many(rig.own_port(), 100);
  CHECK(all_served(clients));
  CHECK_EQUAL(rig.count(SessionCounter::kAccepted), uint64_t{100});
  clients.clear();
  rig.check_end(SessionCounter::kEndFinished, 100);
}

TEST("clients who came before anybody accepts are served first") {
  Rig rig;
  EchoServer backend;
  rig.set("a", backend.number());
  rig.listen();
  auto clients = connect_many(rig.own_port(), 50);
  CHECK(clients.back().write("x"));
  CHECK(clients.back().quiet_for(50));
  CHECK_EQUAL(rig.count(SessionCounter::kAccepted), uint64_t{0});
  rig.relay.accept(rig.listener);
  CHECK_EQUAL(clients.back().read(1), std::string("x"));
  CHECK(all_served(clients));
}

TEST("sessions are spread over the workers, whether they come at once or one by one") {
  for (const bool at_once : {true, false}) {
    Rig rig({.workers = 4, .record = true});
    EchoServer backend;
    rig.set("a", backend.number());
    rig.listen();
    rig.relay.accept(rig.listener);
    std::vector<Socket> clients;
    if (at_once) {
      clients = connect_many(rig.own_port(), 400);
    } else {
      for (unsigned i = 0; i < 400; i++) {
        clients.push_back(begin_connection(rig.own_port()));
        CHECK(clients.back().echoes("x", clients.back()));
      }
    }
    CHECK(all_served(clients));
    std::map<uint64_t, unsigned> by_worker;
    for (const SessionRecord& record : rig.drain()) by_worker[record.session & 0xff]++;
    CHECK_EQUAL(by_worker.size(), size_t{4});
    // A hundred each would be even; the slack is 8 and an eighth, against the one with the fewest.
    for (const auto& [worker, sessions] : by_worker) {
      CHECK(sessions >= 70);
      CHECK(sessions <= 130);
    }
  }
}

TEST("maxSessions holds with several workers that accept at the same time") {
  Rig rig({.workers = 4, .max_sessions = 10});
  EchoServer backend;
  rig.set("a", backend.number());
  rig.listen();
  rig.relay.set_others(rig.listener, 3);  // sessions that another relay carries count as well
  auto clients = connect_many(rig.own_port(), 200);
  rig.relay.accept(rig.listener);
  CHECK(rig.counts(SessionCounter::kAccepted, 200));
  CHECK(rig.counts(SessionCounter::kRefusedMaxSessions, 193));
  CHECK_EQUAL(rig.relay.sessions_of(rig.listener), int64_t{7});
  unsigned served = 0;
  for (Socket& client : clients) served += client.echoes("x", client) ? 1 : 0;
  CHECK_EQUAL(served, 7U);
  clients.clear();
  rig.check_balance();
}

TEST("a client that was reset before it was accepted is counted and forgotten") {
  Rig rig;
  const Port port;
  rig.set("a", port.number());
  rig.listen();
  auto clients = connect_many(rig.own_port(), 20);
  for (Socket& client : clients) client.reset();
  rig.relay.accept(rig.listener);
  CHECK(rig.counts(SessionCounter::kAccepted, 20));
  rig.check_balance();
  CHECK_EQUAL(rig.count(SessionCounter::kOpened), uint64_t{0});
}

TEST("with no descriptors left clients wait, and are served when there are some again") {
  Rig rig;
  EchoServer backend;
  rig.set("a", backend.number());
  rig.listen();
  rig.relay.accept(rig.listener);
  ScarceDescriptors scarce(2 * FdBudget::kSession);
  auto first = connect_many(rig.own_port(), 2);
  CHECK(all_served(first));
  auto waiting = connect_many(rig.own_port(), 30);
  CHECK(eventually([&] { return rig.count(SessionCounter::kAcceptPaused) >= 1; }));
  CHECK(waiting.back().write("x"));
  CHECK(waiting.back().quiet_for(100));
  CHECK(all_served(first));
  CHECK_EQUAL(rig.count(SessionCounter::kAccepted), uint64_t{2});
  // Paused, not spinning: a worker looks every 20 ms, and finds no room without a pause of its own.
  CHECK(rig.count(SessionCounter::kAcceptPaused) <= 2);
  first[0].reset();
  CHECK(rig.counts(SessionCounter::kAccepted, 3));
  scarce.end();
  CHECK_EQUAL(waiting.back().read(1), std::string("x"));
  CHECK(all_served(waiting));
}

TEST("a system that has no descriptors left pauses the workers, too") {
  Rig rig({.workers = 1});
  EchoServer backend;
  rig.set("a", backend.number());
  rig.listen();
  auto clients = connect_many(rig.own_port(), 3);
  rlimit before{};
  getrlimit(RLIMIT_NOFILE, &before);
  rlimit none = before;
  none.rlim_cur = 3;
  CHECK(setrlimit(RLIMIT_NOFILE, &none) == 0);
  rig.relay.accept(rig.listener);
  CHECK(eventually([&] { return rig.count(SessionCounter::kAcceptPaused) >= 3; }));
  CHECK(setrlimit(RLIMIT_NOFILE, &before) == 0);
  CHECK(all_served(clients));
  CHECK_EQUAL(rig.count(SessionCounter::kAccepted), uint64_t{3});
}

TEST("closing serves those who wait in the queue, and refuses who comes later") {
  Rig rig;
  EchoServer backend;
  rig.set("a", backend.number());
  rig.listen();
  auto clients = connect_many(rig.own_port(), 100);
  const uint16_t port = rig.own_port();
  rig.relay.accept(rig.listener);
  CHECK(rig.unlisten());
  CHECK(all_served(clients));
  CHECK_EQUAL(rig.count(SessionCounter::kAccepted), uint64_t{100});
  Socket late = begin_connection(port);
  CHECK_EQUAL(late.connect_error(), ECONNREFUSED);
  CHECK(rig.relay.unlisten(rig.listener, Unlisten::kServe));
}

TEST("closing while there is no descriptor left keeps those who wait, until it must be at once") {
  Rig rig;
  EchoServer backend;
  rig.set("a", backend.number());
  rig.listen();
  rig.relay.accept(rig.listener);
  ScarceDescriptors scarce(0);
  auto clients = connect_many(rig.own_port(), 4);
  for (unsigned i = 0; i < 20; i++) CHECK(!rig.relay.unlisten(rig.listener, Unlisten::kServe));
  CHECK(clients[0].quiet_for(20));
  scarce.end();
  CHECK(rig.unlisten());
  CHECK(all_served(clients));
}

TEST("closing a socket that another process has leaves it as it is: who waits and who comes later is accepted there") {
  Rig rig;
  EchoServer backend;
  rig.set("a", backend.number());
  rig.listen();
  rig.relay.accept(rig.listener);
  auto first = connect_many(rig.own_port(), 1);
  CHECK(all_served(first));
  const uint16_t port = rig.own_port();
  const int copy = dup(rig.relay.socket_of(rig.listener));
  CHECK(eventually([&] { return rig.relay.unlisten(rig.listener, Unlisten::kLeave); }));
  CHECK_EQUAL(rig.relay.socket_of(rig.listener), -1);
  auto clients = connect_many(port, 20);
  Rig successor;
  successor.set("a", backend.number());
  CHECK_EQUAL(successor.relay.adopt(successor.listener, copy), 0);
  CHECK_EQUAL(successor.relay.adopt(successor.listener, copy), -EINVAL);
  CHECK_EQUAL(successor.own_port(), port);
  successor.relay.accept(successor.listener);
  CHECK(all_served(clients));
  CHECK_EQUAL(rig.count(SessionCounter::kAccepted), uint64_t{1});
}

TEST("closing at once resets those who wait") {
  Rig rig;
  const Port port;
  rig.set("a", port.number());
  rig.listen();
  auto clients = connect_many(rig.own_port(), 4);
  CHECK(rig.relay.unlisten(rig.listener, Unlisten::kReset));
  for (Socket& client : clients) CHECK(client.closes());
  CHECK_EQUAL(rig.count(SessionCounter::kAccepted), uint64_t{0});
}

TEST("a client that has connected is served, however often and whenever the listen socket closes") {
  Random random(1);
  for (uint64_t round = 0; round < rounds(40, 1'000); round++) {
    Rig rig;
    EchoServer backend;
    rig.set("a", backend.number());
    rig.listen();
    rig.relay.accept(rig.listener);
    const uint16_t port = rig.own_port();
    std::atomic<bool> closing{false};
    std::atomic<unsigned> connected{0};
    std::atomic<unsigned> lost{0};
    std::vector<std::thread> callers;
    for (unsigned i = 0; i < 3; i++) {
      callers.emplace_back([&] {
        while (!closing.load()) {
          Socket client = begin_connection(port);
          // A connect that is dropped asks again after a second; by then the socket is closed.
          if (client.connect_error(100) != 0) break;
          connected.fetch_add(1);
          if (!client.echoes("x", client)) lost.fetch_add(1);
        }
      });
    }
    const unsigned wanted = static_cast<unsigned>(random.below(60));
    CHECK(eventually([&] { return connected.load() >= wanted; }));
    CHECK(rig.unlisten());
    closing.store(true);
    for (std::thread& caller : callers) caller.join();
    CHECK_EQUAL(lost.load(), 0U);
  }
}

TEST("a unix socket is listened on, and closed without losing anybody") {
  const std::string path = "/tmp/limpet-accept-" + std::to_string(getpid());
  Rig rig({.record = true});
  EchoServer backend;
  rig.set("a", backend.number());
  CHECK_EQUAL(rig.relay.listen(rig.listener, *make_endpoint("unix:" + path, 0), {64, false, 0, 0}), 0);
  rig.relay.set_record(rig.listener, true);
  std::vector<Socket> clients;
  for (unsigned i = 0; i < 20; i++) clients.push_back(connect_unix(path));
  CHECK_EQUAL(rig.relay.listen(rig.listener, *make_endpoint("unix:" + path, 0), {64, false, 0, 0}), -EINVAL);
  rig.relay.accept(rig.listener);
  CHECK(rig.unlisten());
  CHECK(all_served(clients));
  CHECK(!connect_unix(path).open());
  for (const SessionRecord& record : rig.drain()) CHECK_EQUAL(record.family, uint8_t{1});
  unlink(path.c_str());
}

TEST("a dual stack socket knows an IPv4 client as one") {
  Rig rig({.record = true});
  EchoServer backend;
  rig.set("a", backend.number());
  rig.listen("::");
  rig.relay.accept(rig.listener);
  Socket client = begin_connection(rig.own_port(), "127.0.0.9");
  CHECK(client.echoes("x", client));
  const auto records = rig.drain();
  CHECK_EQUAL(records.size(), size_t{1});
  CHECK_EQUAL(records[0].family, uint8_t{4});
  CHECK_EQUAL(records[0].client[3], uint8_t{9});
}

TEST("an IPv6 socket can be for IPv6 alone") {
  Rig rig;
  rig.listen("::", {16, true, 0, 0});
  rig.relay.accept(rig.listener);
  const Socket client = begin_connection(rig.own_port());
  CHECK_EQUAL(client.connect_error(), ECONNREFUSED);
}

TEST("an address in use is told, and nothing is left open") {
  Rig rig;
  const Port taken;
  const size_t before = open_descriptors();
  CHECK_EQUAL(rig.relay.listen(rig.listener, *make_endpoint("127.0.0.1", taken.number()), {16, false, 0, 0}),
              -EADDRINUSE);
  CHECK_EQUAL(rig.relay.listen(rig.listener + 1, *make_endpoint("127.0.0.1", 0), {16, false, 0, 0}), -EINVAL);
  CHECK_EQUAL(rig.relay.address_of(rig.listener).length, socklen_t{0});
  CHECK_EQUAL(open_descriptors(), before);
}

TEST("with TCP_DEFER_ACCEPT a client is accepted with its first byte") {
  Rig rig;
  EchoServer backend;
  rig.set("a", backend.number());
  rig.listen("127.0.0.1", {16, false, 30, 0});
  rig.relay.accept(rig.listener);
  Socket client = begin_connection(rig.own_port());
  CHECK(wait_for(client.fd(), POLLOUT));
  CHECK(client.quiet_for(50));
  CHECK_EQUAL(rig.count(SessionCounter::kAccepted), uint64_t{0});
  CHECK(client.echoes("x", client));
}

TEST("options are those of the listen socket: TCP_FASTOPEN, TCP_DEFER_ACCEPT, and what sessions inherit") {
  const int fd = open_listen_socket(*make_endpoint("127.0.0.1", 0), {16, false, 7, 33}, {90, 9, 5, 12'000});
  CHECK(fd >= 0);
  const auto option = [fd](int level, int name) {
    int value = -1;
    socklen_t length = sizeof value;
    getsockopt(fd, level, name, &value, &length);
    return value;
  };
  CHECK_EQUAL(option(IPPROTO_TCP, TCP_FASTOPEN), 33);
  CHECK(option(IPPROTO_TCP, TCP_DEFER_ACCEPT) >= 7);  // the kernel counts in retransmissions
  CHECK_EQUAL(option(IPPROTO_TCP, TCP_NODELAY), 1);
  CHECK_EQUAL(option(IPPROTO_TCP, TCP_KEEPIDLE), 90);
  CHECK_EQUAL(option(IPPROTO_TCP, TCP_USER_TIMEOUT), 12'000);
  close(fd);
}

TEST("session records are written for those who are accepted while somebody wants them") {
  Rig rig;
  EchoServer backend;
  rig.set("a", backend.number());
  rig.listen();
  rig.relay.accept(rig.listener);
  const auto visit = [&] {
    Socket client = begin_connection(rig.own_port());
    CHECK(client.echoes("x", client));
    client.close();
    CHECK(rig.idle());
  };
  visit();
  CHECK_EQUAL(rig.drain().size(), size_t{0});
  rig.relay.set_record(rig.listener, true);
  visit();
  CHECK_EQUAL(rig.drain().size(), size_t{2});
  rig.relay.set_record(rig.listener, false);
  visit();
  CHECK_EQUAL(rig.drain().size(), size_t{0});
}

TEST("a relay that stops in a storm of clients closes every one, and keeps nothing") {
  const size_t before = open_descriptors();
  for (uint64_t round = 0; round < rounds(30, 500); round++) {
    Rig rig({.workers = 4, .record = true});
    EchoServer backend;
    rig.set("a", backend.number());
    rig.listen();
    rig.relay.accept(rig.listener);
    const uint16_t port = rig.own_port();
    std::atomic<bool> stopped{false};
    std::vector<Socket> clients;
    std::thread storm([&] {
      while (!stopped.load()) {
        // Past its backlog a listen socket forgets clients who believe that they have connected.
        const bool room = clients.size() < rig.count(SessionCounter::kAccepted) + 200;
        // From another address: when the port is free again, a socket could connect to itself.
        if (room) clients.push_back(begin_connection(port, "127.0.0.2"));
      }
    });
    CHECK(eventually([&] { return rig.count(SessionCounter::kAccepted) > 50; }));
    rig.relay.stop();
    stopped.store(true);
    storm.join();
    for (Socket& client : clients) {
      // A handshake that ends while its listen socket closes is dropped by the kernel without a reset
      // (tcp_v4_syn_recv_sock); that client learns it with its first byte.
      if (client.connect_error() == ECONNREFUSED) continue;
      [[maybe_unused]] const bool written = client.write("?");
      CHECK(client.closes());
    }
    rig.check_balance();
    size_t closed = 0;
    for (const SessionRecord& record : rig.drain()) closed += record.kind == RecordKind::kClose ? 1 : 0;
    CHECK_EQUAL(closed, size_t{rig.count(SessionCounter::kAccepted) - rig.count(SessionCounter::kRecordsDropped)});
  }
  CHECK(open_descriptors() <= before);
}

TEST("listeners come and go while their workers are busy") {
  Rig rig({.workers = 3});
  EchoServer backend;
  rig.set("a", backend.number());
  run_threads(2, [&](unsigned thread) {
    if (thread == 1) {
      for (unsigned i = 0; i < 200; i++) CHECK(rig.relay.sessions() <= 8);
      return;
    }
    for (unsigned i = 0; i < 50; i++) {
      const auto id = static_cast<uint32_t>(rig.relay.add_listener(rig.pool_id, 0, false));
      CHECK_EQUAL(rig.relay.listen(id, *make_endpoint("127.0.0.1", 0), {16, false, 0, 0}), 0);
      rig.relay.accept(id);
      Socket client = begin_connection(port_of(rig.relay.address_of(id)));
      CHECK(client.echoes("x", client));
      CHECK(eventually([&] { return rig.relay.unlisten(id, Unlisten::kServe); }));
      CHECK(client.echoes("y", client));
    }
  });
  rig.check_balance();
}

TEST("a listener goes on with the socket of another one: nobody is lost, and the sessions of both count") {
  for (uint64_t round = 0; round < rounds(20, 500); round++) {
    Rig rig({.workers = 3});
    EchoServer backend;
    rig.set("a", backend.number());
    rig.listen();
    rig.relay.accept(rig.listener);
    const uint16_t port = rig.own_port();
    auto residents = connect_many(port, 5);
    CHECK(all_served(residents));
    std::atomic<bool> over{false};
    std::atomic<unsigned> served{0};
    std::atomic<unsigned> lost{0};
    std::vector<std::thread> callers;
    for (unsigned i = 0; i < 3; i++) {
      callers.emplace_back([&] {
        while (!over.load()) {
          Socket client = begin_connection(port);
          if (client.echoes("x", client)) {
            served.fetch_add(1);
          } else {
            lost.fetch_add(1);
          }
        }
      });
    }
    uint32_t last = rig.listener;
    for (unsigned i = 0; i < 4; i++) {
      const uint32_t pool = rig.relay.add_pool(rig.pool, {5'000, 60'000, 60'000}, {60, 10, 3, 0}, i);
      const auto next = static_cast<uint32_t>(rig.relay.add_listener(pool, 0, false, nullptr, last));
      CHECK_EQUAL(rig.relay.share(next, last), 0);
      CHECK_EQUAL(rig.relay.share(next, last), -EINVAL);
      CHECK(!rig.relay.let_go(i == 0 ? rig.pool_id : pool - 1));
      CHECK(eventually([&] { return rig.relay.unlisten(last, Unlisten::kLeave); }));
      rig.relay.accept(next);
      const unsigned before = served.load();
      CHECK(eventually([&] { return served.load() > before + 3; }));
      last = next;
    }
    over.store(true);
    for (std::thread& caller : callers) caller.join();
    CHECK_EQUAL(lost.load(), 0U);
    // Those who stay are the first listener's, and count for the last one.
    CHECK(eventually([&] { return rig.relay.sessions_of(last) == 5; }));
    CHECK_EQUAL(rig.relay.sessions_of(rig.listener), int64_t{5});
    CHECK(!rig.relay.let_go(rig.pool_id));
    CHECK(all_served(residents));
    residents.clear();
    CHECK(eventually([&] { return rig.relay.let_go(rig.pool_id); }));
    CHECK(rig.relay.let_go(rig.pool_id));
    Socket late = begin_connection(port);
    CHECK(late.echoes("x", late));
  }
}

TEST("the limit of sessions holds across listeners that follow each other") {
  Rig rig({.workers = 2});
  EchoServer backend;
  rig.set("a", backend.number());
  rig.listen();
  rig.relay.accept(rig.listener);
  auto first = connect_many(rig.own_port(), 2);
  CHECK(all_served(first));
  const auto next = static_cast<uint32_t>(rig.relay.add_listener(rig.pool_id, 3, false, nullptr, rig.listener));
  CHECK_EQUAL(rig.relay.share(next, rig.listener), 0);
  CHECK(eventually([&] { return rig.relay.unlisten(rig.listener, Unlisten::kLeave); }));
  rig.relay.accept(next);
  const uint16_t port = port_of(rig.relay.address_of(next));
  auto second = connect_many(port, 1);
  CHECK(all_served(second));
  Socket refused = begin_connection(port);
  CHECK(refused.closes());
  CHECK_EQUAL(rig.count(SessionCounter::kRefusedMaxSessions), uint64_t{1});
  first.clear();
  CHECK(eventually([&] { return rig.relay.sessions_of(next) == 1; }));
  auto third = connect_many(port, 2);
  CHECK(all_served(third));
}

TEST_MAIN
