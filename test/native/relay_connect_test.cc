// Connecting to backends: refused, unreachable, silent ones, and the next one then.
#include <chrono>

#include "support/relay_rig.h"

using namespace limpet;
using namespace limpet::test;

namespace {

using Clock = std::chrono::steady_clock;

int64_t ms_since(Clock::time_point began) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - began).count();
}

// The client ends up at this port, and its bytes go both ways.
void check_served(Rig& rig, Socket& client, const Port& port) {
  Socket backend = port.accept();
  if (!CHECK(backend.open())) return;
  CHECK(client.echoes("question", backend));
  CHECK(backend.echoes("answer", client));
  client.close();
  CHECK(backend.ends());
  backend.close();
  rig.check_balance();
}

std::shared_ptr<const Endpoint> unix_endpoint(const std::string& path) { return make_endpoint("unix:" + path, 0); }

// A listening unix socket in the abstract of a temporary directory.
class UnixPort {
 public:
  explicit UnixPort(int backlog = 16) : socket_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    char directory[] = "/tmp/limpet-native-XXXXXX";
    CHECK(mkdtemp(directory) != nullptr);
    directory_ = directory;
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::snprintf(address.sun_path, sizeof address.sun_path, "%s", path().c_str());
    CHECK(bind(socket_.fd(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
    CHECK(listen(socket_.fd(), backlog) == 0);
  }
  ~UnixPort() {
    unlink(path().c_str());
    rmdir(directory_.c_str());
  }
  std::string path() const { return directory_ + "/socket"; }
  Socket accept() const {
    if (!wait_for(socket_.fd(), POLLIN)) return Socket();
    return Socket(::accept4(socket_.fd(), nullptr, nullptr, SOCK_CLOEXEC));
  }
  Socket connect_to() const {
    Socket client(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::snprintf(address.sun_path, sizeof address.sun_path, "%s", path().c_str());
    CHECK(connect(client.fd(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
    return client;
  }

 private:
  Socket socket_;
  std::string directory_;
};

}  // namespace

TEST("a backend that refuses: the next one of the key's order serves, and the pin follows") {
  Rig rig;
  const auto names = rig.names_in_order(3);
  const Port refusing(Port::Kind::kRefusing);
  const Port good;
  const Port other;
  rig.set(names[0], refusing.number());
  rig.set(names[1], good.number());
  rig.set(names[2], other.number());
  Socket client = rig.client();
  CHECK(rig.counts(SessionCounter::kOpened, 1));
  CHECK_EQUAL(rig.pin(), names[1]);
  CHECK_EQUAL(rig.backend(names[1])->sessions(), 1U);
  check_served(rig, client, good);
  CHECK_EQUAL(rig.count(SessionCounter::kConnectRefused), uint64_t{1});
  CHECK_EQUAL(rig.backend(names[0])->connect_failures(), uint64_t{1});
  // The next session of the client goes there directly.
  Socket again = rig.client();
  check_served(rig, again, good);
  CHECK_EQUAL(rig.count(SessionCounter::kConnectRefused), uint64_t{1});
  CHECK_EQUAL(rig.count(SessionCounter::kEndFinished), uint64_t{2});
}

TEST("all backends refuse: the client is closed and counted, and no pin is left") {
  Rig rig({.retries = 5});
  const Port refusing(Port::Kind::kRefusing);
  for (const char* name : {"a", "b", "c"}) rig.set(name, refusing.number());
  for (unsigned i = 0; i < 10; i++) {
    Socket client = rig.client();
    CHECK(client.ends());
  }
  rig.check_end(SessionCounter::kRefusedNoBackend, 10);
  CHECK_EQUAL(rig.count(SessionCounter::kConnectRefused), uint64_t{30});  // each backend once a session
  CHECK_EQUAL(rig.count(SessionCounter::kOpened), uint64_t{0});
  CHECK_EQUAL(rig.pin(), "");
}

TEST("all backends die while a client is pinned: its pin is put back, and serves when they are back") {
  Rig rig;
  const auto names = rig.names_in_order(3);
  const Port refusing(Port::Kind::kRefusing);
  const Port port;
  rig.set(names[0], refusing.number());
  rig.set(names[1], port.number());
  rig.set(names[2], refusing.number());
  Socket first = rig.client();
  check_served(rig, first, port);
  CHECK_EQUAL(rig.pin(), names[1]);
  rig.set(names[1], refusing.number());
  Socket second = rig.client();
  CHECK(second.ends());
  CHECK(rig.idle());
  CHECK_EQUAL(rig.pin(), names[1]);
  rig.set(names[1], port.number());
  Socket third = rig.client();
  check_served(rig, third, port);
}

TEST("retries are further tries: none, one, two") {
  for (const unsigned retries : {0U, 1U, 2U}) {
    Rig rig({.retries = retries});
    const Port refusing(Port::Kind::kRefusing);
    for (const char* name : {"a", "b", "c", "d", "e"}) rig.set(name, refusing.number());
    Socket client = rig.client();
    CHECK(client.ends());
    rig.check_end(SessionCounter::kRefusedNoBackend);
    CHECK_EQUAL(rig.count(SessionCounter::kConnectRefused), uint64_t{retries} + 1);
  }
}

TEST("no backends: closed at once") {
  Rig rig;
  Socket client = rig.client();
  CHECK(client.ends());
  rig.check_end(SessionCounter::kRefusedNoBackend);
}

TEST("all backends at maxSessions: closed at once, pool full") {
  Rig rig;
  const Port port;
  rig.set("a", port.number(), 1);
  Socket first = rig.client();
  Socket backend = port.accept();
  CHECK(first.echoes("hello", backend));
  Socket second = rig.client("127.0.0.2");
  CHECK(second.ends());
  CHECK(rig.counts(SessionCounter::kRefusedPoolFull, 1));
  first.close();
  backend.close();
  rig.check_balance();
}

TEST("a silent backend: the connect timeout, then the next one") {
  constexpr uint64_t kConnectMs = 200;
  Rig rig({.timeouts = {kConnectMs, 30'000, 30'000}});
  const auto names = rig.names_in_order(2);
  const FullPort silent;
  const Port good;
  rig.set(names[0], silent.number());
  rig.set(names[1], good.number());
  const auto began = Clock::now();
  Socket client = rig.client();
  CHECK(good.has_caller(kPatienceMs));
  CHECK_WITHIN(ms_since(began), static_cast<int64_t>(kConnectMs) - 5, int64_t{10'000});
  check_served(rig, client, good);
  CHECK_EQUAL(rig.count(SessionCounter::kConnectTimeout), uint64_t{1});
  CHECK_EQUAL(rig.backend(names[0])->connect_failures(), uint64_t{1});
}

TEST("only silent backends: closed after a timeout each") {
  constexpr uint64_t kConnectMs = 150;
  Rig rig({.timeouts = {kConnectMs, 30'000, 30'000}, .retries = 1});
  const FullPort silent;
  for (const char* name : {"a", "b", "c"}) rig.set(name, silent.number());
  const auto began = Clock::now();
  Socket client = rig.client();
  CHECK(client.ends());
  CHECK_WITHIN(ms_since(began), static_cast<int64_t>(2 * kConnectMs) - 10, int64_t{10'000});
  rig.check_end(SessionCounter::kRefusedNoBackend);
  CHECK_EQUAL(rig.count(SessionCounter::kConnectTimeout), uint64_t{2});
}

TEST("a backend whose address is not known yet is unreachable: the next one") {
  Rig rig;
  const auto names = rig.names_in_order(2);
  const Port good;
  rig.set(names[0], std::shared_ptr<const Endpoint>());
  rig.set(names[1], good.number());
  Socket client = rig.client();
  check_served(rig, client, good);
  CHECK_EQUAL(rig.count(SessionCounter::kConnectUnreachable), uint64_t{1});
}

TEST("parallel clients of one address all end up at the backend that works") {
  Rig rig({.workers = 2});
  const auto names = rig.names_in_order(4);
  const Port refusing(Port::Kind::kRefusing);
  const Port good;
  for (const size_t at : {0U, 1U, 3U}) rig.set(names[at], refusing.number());
  rig.set(names[2], good.number());
  std::vector<Socket> clients;
  for (unsigned i = 0; i < 20; i++) clients.push_back(rig.client());
  CHECK(rig.counts(SessionCounter::kOpened, 20));
  CHECK_EQUAL(rig.backend(names[2])->sessions(), 20U);
  CHECK_EQUAL(rig.pin(), names[2]);
  clients.clear();
  for (unsigned i = 0; i < 20; i++) {
    Socket backend = good.accept();
    CHECK(backend.ends());
  }
  rig.check_end(SessionCounter::kEndFinished, 20);
}

TEST("a backend on a unix socket") {
  Rig rig;
  const UnixPort port;
  rig.set("a", unix_endpoint(port.path()));
  Socket client = rig.client();
  Socket backend = port.accept();
  const std::string bytes(500'000, 'u');
  std::thread writer([&] {
    CHECK(client.write(bytes));
    client.finish();
  });
  CHECK(backend.read_to_end() == bytes);
  writer.join();
  CHECK(backend.echoes("answer", client));
  backend.close();
  CHECK(client.ends());
  rig.check_end(SessionCounter::kEndFinished);
}

TEST("a unix socket that is not there counts as refused") {
  Rig rig({.retries = 0});
  rig.set("a", unix_endpoint("/tmp/limpet-native-nobody-is-here"));
  Socket client = rig.client();
  CHECK(client.ends());
  rig.check_end(SessionCounter::kRefusedNoBackend);
  CHECK_EQUAL(rig.count(SessionCounter::kConnectRefused), uint64_t{1});
}

TEST("a unix socket whose queue is full is waited for, and not blamed") {
  Rig rig;
  const UnixPort port(0);
  rig.set("a", unix_endpoint(port.path()));
  Socket first = port.connect_to();  // the queue's only place
  Socket client = rig.client();
  CHECK(client.write("question"));
  CHECK(eventually([&] { return rig.backend("a")->sessions() == 1; }));
  std::this_thread::sleep_for(std::chrono::milliseconds(100));  // some tries, none of which counts
  CHECK_EQUAL(rig.count(SessionCounter::kOpened), uint64_t{0});
  Socket taken = port.accept();
  Socket backend = port.accept();
  CHECK_EQUAL(backend.read(8), "question");
  CHECK(rig.counts(SessionCounter::kOpened, 1));
  CHECK_EQUAL(rig.count(SessionCounter::kConnectOther), uint64_t{0});
  CHECK_EQUAL(rig.backend("a")->connect_failures(), uint64_t{0});
  client.close();
  CHECK(backend.ends());
  backend.close();
  rig.check_end(SessionCounter::kEndFinished);
}

TEST("a unix socket whose queue stays full: the next backend after the connect timeout") {
  constexpr uint64_t kConnectMs = 200;
  Rig rig({.timeouts = {kConnectMs, 30'000, 30'000}});
  const auto names = rig.names_in_order(2);
  const UnixPort full(0);
  const Port good;
  rig.set(names[0], unix_endpoint(full.path()));
  rig.set(names[1], good.number());
  Socket first = full.connect_to();
  const auto began = Clock::now();
  Socket client = rig.client();
  Socket backend = good.accept();
  CHECK(backend.open());
  CHECK(ms_since(began) >= static_cast<int64_t>(kConnectMs) - 20);
  CHECK(rig.counts(SessionCounter::kConnectTimeout, 1));
  CHECK_EQUAL(rig.backend(names[0])->connect_failures(), uint64_t{1});
  client.close();
  CHECK(backend.ends());
  backend.close();
  rig.check_end(SessionCounter::kEndFinished);
}

TEST("a unix socket that goes away, or is removed, while its queue is full") {
  for (const bool removed : {false, true}) {
    Rig rig({.retries = 0});
    std::optional<UnixPort> port(0);
    rig.set("a", unix_endpoint(port->path()));
    Socket first = port->connect_to();
    Socket client = rig.client();
    CHECK(eventually([&] { return rig.backend("a")->sessions() == 1; }));
    if (removed) {
      rig.pool->remove_backend("a");
      rig.pool->publish();
    } else {
      port.reset();
    }
    CHECK(client.ends());
    rig.check_end(SessionCounter::kRefusedNoBackend);
  }
}

TEST("a cut while a unix socket's queue is full") {
  Rig rig;
  const UnixPort port(0);
  rig.set("a", unix_endpoint(port.path()));
  Socket first = port.connect_to();
  Socket client = rig.client();
  CHECK(eventually([&] { return rig.backend("a")->sessions() == 1; }));
  rig.relay.cut();
  CHECK(client.ends());
  rig.check_end(SessionCounter::kEndShutdown);
}

TEST("a client on a unix socket has no key: the least loaded, unpinned") {
  Rig rig;
  const UnixPort front;
  const Port one;
  const Port two;
  rig.set("a", one.number());
  rig.set("b", two.number());
  std::vector<Socket> clients;
  for (unsigned i = 0; i < 6; i++) {
    clients.push_back(front.connect_to());
    CHECK_EQUAL(rig.hand_over(front.accept()), static_cast<int>(HandOver::kTaken));
    CHECK(rig.counts(SessionCounter::kOpened, i + 1));
  }
  CHECK_EQUAL(rig.backend("a")->sessions(), 3U);
  CHECK_EQUAL(rig.backend("b")->sessions(), 3U);
  CHECK_EQUAL(rig.pool->table()->entries(), size_t{0});
  Socket backend = one.accept();
  CHECK(backend.write("hello"));
  size_t greeted = 0;
  for (Socket& client : clients) greeted += wait_for(client.fd(), POLLIN, 500) && client.read(5) == "hello";
  CHECK_EQUAL(greeted, size_t{1});
  clients.clear();
  CHECK(backend.ends());
}

TEST_MAIN
