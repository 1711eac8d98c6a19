// Sessions under load that are reset, cut and stopped at any moment: nothing is used after its end, everything is given
// back, and the sums agree.
#include "support/flow.h"
#include "support/relay_rig.h"

using namespace limpet;
using namespace limpet::test;

namespace {

// A backend that sends as much as it can and reads what comes, on a thread of its own, for many connections.
class Firehose {
 public:
  Firehose() : thread_([this] { run(); }) {}
  ~Firehose() {
    done_ = true;
    thread_.join();
  }
  uint16_t port() const { return port_.number(); }

 private:
  void run() {
    std::vector<Socket> sockets;
    const std::string bytes(64 * 1024, 'x');
    std::string into(64 * 1024, '\0');
    while (!done_) {
      std::vector<pollfd> fds{{port_.fd(), POLLIN, 0}};
      for (const Socket& socket : sockets) fds.push_back({socket.fd(), POLLIN | POLLOUT, 0});
      poll(fds.data(), fds.size(), 10);
      for (size_t i = sockets.size(); i > 0; i--) {
        if (fds[i].revents != 0 && !serve(sockets[i - 1], bytes, into)) {
          std::swap(sockets[i - 1], sockets.back());
          sockets.pop_back();
        }
      }
      if ((fds[0].revents & POLLIN) != 0) sockets.push_back(port_.accept());
    }
  }
  static bool serve(Socket& socket, const std::string& bytes, std::string& into) {
    const ssize_t n = recv(socket.fd(), into.data(), into.size(), 0);
    if (n == 0 || (n < 0 && errno != EAGAIN)) return false;
    return send(socket.fd(), bytes.data(), bytes.size(), MSG_NOSIGNAL) >= 0 || errno == EAGAIN;
  }

  const Port port_;
  std::atomic<bool> done_{false};
  std::thread thread_;
};

// Moves bytes both ways for a moment.
void stir(std::vector<Socket>& clients, Random& random) {
  static const std::string bytes(64 * 1024, 'y');
  std::string into(256 * 1024, '\0');
  for (Socket& client : clients) {
    if (random.chance(70)) send(client.fd(), bytes.data(), random.between(1, bytes.size()), MSG_NOSIGNAL);
    if (random.chance(70)) recv(client.fd(), into.data(), random.between(1, into.size()), 0);
  }
}

std::vector<Socket> crowd(Rig& rig, unsigned count) {
  std::vector<Socket> clients;
  for (unsigned i = 0; i < count; i++) {
    clients.push_back(rig.client(("127.0.0." + std::to_string(i + 1)).c_str()));
  }
  return clients;
}

}  // namespace

TEST("resets at any moment of bulk transfers") {
  const Firehose firehose;
  for (uint64_t round = 0; round < rounds(8, 200); round++) {
    Rig rig({.workers = 1 + static_cast<unsigned>(round % 2)});
    rig.set("a", firehose.port());
    Random random(round);
    std::vector<Socket> clients = crowd(rig, 12);
    const size_t sessions = clients.size();
    CHECK(rig.counts(SessionCounter::kOpened, sessions));
    while (!clients.empty()) {
      for (uint64_t i = random.below(30); i > 0; i--) stir(clients, random);
      std::swap(clients[random.below(clients.size())], clients.back());
      if (random.chance(70)) {
        clients.back().reset();
      } else {
        clients.back().close();
      }
      clients.pop_back();
    }
    rig.check_balance();
    CHECK_EQUAL(rig.count(SessionCounter::kAccepted), uint64_t{sessions});
  }
}

TEST("a backend that resets amid its bulk answer, while the client still sends") {
  Rig rig({.workers = 1});
  const Port port;
  rig.set("a", port.number());
  const uint64_t sessions = rounds(60, 1'000);
  const std::string bytes(1 << 20, 'x');
  for (uint64_t i = 0; i < sessions; i++) {
    Socket client = rig.client();
    Socket backend = port.accept();
    std::atomic<bool> over{false};
    std::thread reader([&] {
      std::string into(1 << 20, '\0');
      while (!over || wait_for(client.fd(), POLLIN, 0)) {
        if (recv(client.fd(), into.data(), into.size(), 0) == 0) break;
        if (send(client.fd(), "more", 4, MSG_NOSIGNAL) < 0 && errno != EAGAIN) break;
      }
    });
    for (unsigned burst = 0; burst < 4; burst++) CHECK(backend.write(bytes));
    backend.reset();
    CHECK(rig.idle());
    over = true;
    reader.join();
  }
  rig.check_end(SessionCounter::kEndBackendReset, sessions);
}

TEST("cut at any moment of bulk transfers") {
  const Firehose firehose;
  Rig rig({.workers = 1});
  rig.set("a", firehose.port());
  Random random(1);
  for (uint64_t round = 0; round < rounds(30, 500); round++) {
    std::vector<Socket> clients = crowd(rig, 8);
    for (uint64_t i = random.below(30); i > 0; i--) stir(clients, random);
    rig.relay.cut();
    CHECK(rig.idle());
    for (Socket& client : clients) CHECK(client.closes());
  }
  rig.check_balance();
}

TEST("stop at any moment of bulk transfers, with clients on their way in") {
  const Firehose firehose;
  for (uint64_t round = 0; round < rounds(20, 300); round++) {
    const size_t before = open_descriptors();
    {
      Rig rig({.workers = 2});
      rig.set("a", firehose.port());
      Random random(100 + round);
      std::vector<Socket> clients = crowd(rig, 8);
      for (uint64_t i = random.below(20); i > 0; i--) stir(clients, random);
      std::vector<Socket> late = crowd(rig, 4);
      rig.relay.stop();
      rig.check_balance();
      for (Socket& client : clients) CHECK(client.closes());
      for (Socket& client : late) CHECK(client.closes());
    }
    CHECK(eventually([&] { return open_descriptors() <= before; }));
  }
}

TEST("a session may end before its original descriptor is closed") {
  Rig rig({.workers = 1});
  for (uint64_t i = 0; i < rounds(50, 1'000); i++) {
    Socket client = begin_connection(rig.front.number());
    const Socket original = rig.front.accept();
    CHECK_EQUAL(rig.hand_over(original), static_cast<int>(HandOver::kTaken));
    CHECK(rig.idle());  // there is no backend
    // Events on a socket that lives on must not be taken for those of a session.
    CHECK(client.write("anybody there?"));
    client.finish();
    rig.client();
    CHECK(rig.idle());
  }
  rig.check_end(SessionCounter::kRefusedNoBackend, 2 * rounds(50, 1'000));
}

TEST("timers that fire amid bulk transfers and half-closes") {
  const Firehose firehose;
  Rig rig({.workers = 1, .timeouts = {50, 40, 20}});
  rig.set("a", firehose.port());
  Random random(2);
  for (uint64_t round = 0; round < rounds(15, 200); round++) {
    std::vector<Socket> clients = crowd(rig, 8);
    for (Socket& client : clients) {
      if (random.chance(50)) client.finish();
    }
    for (uint64_t i = random.below(10); i > 0; i--) stir(clients, random);
    // Nobody reads any more: idle and fin end what is left.
    CHECK(rig.idle());
  }
  rig.check_balance();
  CHECK(rig.count(SessionCounter::kEndFinTimeout) + rig.count(SessionCounter::kEndIdleTimeout) > 0);
}

TEST("backends that change while sessions come and go") {
  const Firehose one;
  const Firehose two;
  Rig rig({.workers = 2, .retries = 2});
  const Port refusing(Port::Kind::kRefusing);
  Random random(3);
  std::vector<Socket> clients;
  const uint64_t steps = rounds(300, 5'000);
  for (uint64_t i = 0; i < steps; i++) {
    const std::string name = "b" + std::to_string(random.below(4));
    const uint16_t ports[] = {one.port(), two.port(), refusing.number()};
    if (random.chance(15)) {
      rig.pool->remove_backend(name);
      rig.pool->publish();
    } else if (random.chance(40)) {
      rig.set(name, ports[random.below(3)], random.chance(20) ? 2 : 0);
    }
    clients.push_back(rig.client(("127.0.1." + std::to_string(random.between(1, 250))).c_str()));
    stir(clients, random);
    if (clients.size() > 20) clients.erase(clients.begin());
  }
  clients.clear();
  rig.check_balance();
  CHECK_EQUAL(rig.count(SessionCounter::kAccepted), steps);
}

TEST_MAIN
