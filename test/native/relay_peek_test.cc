// Keys in the head of a connection: what is waited for, what is not, and that the backend gets every byte.
#include "support/echo.h"
#include "support/relay_rig.h"

using namespace limpet;
using namespace limpet::test;

namespace {

const std::string kHead = "GET / HTTP/1.1\r\nHost: x\r\nCookie: id=ann\r\n\r\n";
constexpr uint64_t kForever = 60'000;

RigOptions cookie_rig(KeyFallback fallback = KeyFallback::kSource, PeekLimits peek = {16 * 1024, kForever}) {
  return {.head = {{{.source = HeadSource::kHttpCookie, .name = "id"}}, fallback}, .peek = peek};
}

// Where a client of that key is pinned to.
std::string pin_of(Rig& rig, std::string_view key_text) {
  const AffinityKey key = rig.pool->key(bytes_of(key_text));
  const auto found = rig.pool->table()->find(key, rig.pool->table()->hash(key), monotonic_ms());
  const RosterEntry* const entry = found ? rig.pool->roster().find(found->pin.backend, found->pin.generation) : nullptr;
  return entry ? entry->backend->name : "";
}

std::string to_client(Socket& client, size_t count) { return client.read(count); }

}  // namespace

TEST("a key of the head pins the client, and every byte arrives") {
  Rig rig(cookie_rig());
  EchoServer backend;
  rig.set("a", backend.number());
  Socket client = rig.client();
  CHECK(client.write(kHead));
  CHECK_EQUAL(to_client(client, kHead.size()), kHead);
  CHECK_EQUAL(pin_of(rig, "ann"), std::string("a"));
  CHECK_EQUAL(rig.pin(), std::string(""));
  client.close();
  rig.check_end(SessionCounter::kEndFinished);
  CHECK_EQUAL(rig.count(SessionCounter::kKeyFound), uint64_t{1});
}

TEST("one key meets one backend, whatever its address") {
  Rig rig(cookie_rig());
  EchoServer backends[3];
  for (unsigned i = 0; i < 3; i++) rig.set("b" + std::to_string(i), backends[i].number());
  std::vector<Socket> clients;
  for (unsigned i = 0; i < 20; i++) {
    clients.push_back(rig.client(("127.0.0." + std::to_string(i + 1)).c_str()));
    CHECK(clients.back().write(kHead));
    CHECK_EQUAL(to_client(clients.back(), kHead.size()), kHead);
  }
  const std::string home = pin_of(rig, "ann");
  CHECK_EQUAL(rig.backend(home)->sessions(), 20U);
  clients.clear();
  rig.check_end(SessionCounter::kEndFinished, 20);
}

TEST("a head that comes byte by byte is waited for, without a backend") {
  Rig rig(cookie_rig());
  Port port;
  rig.set("a", port.number());
  Socket client = rig.client();
  for (const char byte : kHead.substr(0, kHead.size() - 4)) {
    CHECK(client.write({&byte, 1}));
  }
  CHECK(!port.has_caller(30));
  CHECK_EQUAL(rig.pool->seats(), uint64_t{0});
  CHECK(client.write(kHead.substr(kHead.size() - 4)));
  Socket backend = port.accept();
  CHECK_EQUAL(backend.read(kHead.size()), kHead);
  CHECK(backend.echoes("answer", client));
  client.close();
  CHECK(backend.ends());
  backend.close();
  rig.check_balance();
}

TEST("bytes that were read before the hand-over belong to the head") {
  Rig rig(cookie_rig());
  EchoServer backend;
  rig.set("a", backend.number());
  for (const size_t read : {size_t{1}, size_t{30}, kHead.size()}) {
    Socket client = rig.client("127.0.0.1", kHead.substr(0, read));
    CHECK(client.write(kHead.substr(read)));
    CHECK_EQUAL(to_client(client, kHead.size()), kHead);
  }
  CHECK(rig.idle());
  CHECK_EQUAL(rig.count(SessionCounter::kKeyFound), uint64_t{3});
}

TEST("another protocol is told at once, and goes by its address") {
  Rig rig(cookie_rig());
  EchoServer backend;
  rig.set("a", backend.number());
  Socket client = rig.client();
  CHECK(client.write("\x16"));
  CHECK_EQUAL(to_client(client, 1), std::string("\x16"));
  CHECK_EQUAL(rig.pin(), std::string("a"));
  client.close();
  rig.check_end(SessionCounter::kEndFinished);
  CHECK_EQUAL(rig.count(SessionCounter::kKeyMissing), uint64_t{1});
}

TEST("a client that says nothing goes by its address when the time is over") {
  Rig rig(cookie_rig(KeyFallback::kSource, {16 * 1024, 50}));
  Port port;
  rig.set("a", port.number());
  Socket client = rig.client();
  Socket backend = port.accept();
  CHECK(backend.echoes("the server speaks first", client));
  CHECK_EQUAL(rig.count(SessionCounter::kKeyLate), uint64_t{1});
  CHECK_EQUAL(rig.pin(), std::string("a"));
}

TEST("a key that lies too far is not looked for") {
  Rig rig(cookie_rig(KeyFallback::kSource, {64, kForever}));
  EchoServer backend;
  rig.set("a", backend.number());
  Socket client = rig.client();
  const std::string head = "GET /" + std::string(200, 'a') + " HTTP/1.1\r\nCookie: id=ann\r\n\r\n";
  CHECK(client.write(head));
  CHECK_EQUAL(to_client(client, head.size()), head);
  CHECK_EQUAL(rig.count(SessionCounter::kKeyTooFar), uint64_t{1});
}

TEST("without a key a client is refused, where that is asked for") {
  Rig rig(cookie_rig(KeyFallback::kRefuse));
  Port port;
  rig.set("a", port.number());
  Socket client = rig.client();
  CHECK(client.write("GET / HTTP/1.1\r\n\r\n"));
  CHECK_EQUAL(client.read(1), std::string(""));
  CHECK(!port.has_caller(20));
  rig.check_end(SessionCounter::kRefusedNoKey);
}

TEST("without a key a client goes to the least loaded backend, where that is asked for") {
  Rig rig(cookie_rig(KeyFallback::kRandom));
  EchoServer backends[2];
  for (unsigned i = 0; i < 2; i++) rig.set("b" + std::to_string(i), backends[i].number());
  std::vector<Socket> clients;
  for (unsigned i = 0; i < 10; i++) {
    clients.push_back(rig.client());
    CHECK(clients.back().write("x:\n"));
    CHECK_EQUAL(to_client(clients.back(), 3), std::string("x:\n"));
  }
  CHECK_EQUAL(rig.backend("b0")->sessions(), 5U);
  CHECK_EQUAL(rig.pin(), std::string(""));
  clients.clear();
  rig.check_end(SessionCounter::kEndFinished, 10);
}

TEST("a half-close ends the waiting, and the head still arrives") {
  Rig rig(cookie_rig());
  Port port;
  rig.set("a", port.number());
  Socket client = rig.client();
  CHECK(client.write("GET / HT"));
  client.finish();
  Socket backend = port.accept();
  CHECK_EQUAL(backend.read(100), std::string("GET / HT"));
  CHECK(backend.write("answer"));
  backend.close();
  CHECK_EQUAL(client.read(100), std::string("answer"));
  rig.check_end(SessionCounter::kEndFinished);
}

TEST("a client that leaves while its head is waited for is forgotten") {
  Rig rig(cookie_rig());
  Port port;
  rig.set("a", port.number());
  Socket silent = rig.client();
  Socket halfway = rig.client();
  CHECK(halfway.write("GET /"));
  silent.reset();
  halfway.reset();
  CHECK(rig.idle());
  CHECK(!port.has_caller(20));
  rig.check_end(SessionCounter::kEndClientGone, 2);
}

TEST("requests for encryption are answered where they are to be refused, each once, and go no further") {
  const std::string tls("\0\0\0\x08\x04\xd2\x16\x2f", 8);
  const std::string gss("\0\0\0\x08\x04\xd2\x16\x30", 8);
  const std::string startup("\0\0\0\x12\0\x03\0\0user\0ann\0\0", 18);
  const HeadRules rules{{{.source = HeadSource::kPostgres, .name = "user"}}, KeyFallback::kRefuse, true};
  Rig rig({.record = true, .head = rules, .peek = {16 * 1024, kForever}});
  EchoServer backend;
  rig.set("a", backend.number());
  uint64_t clients = 0;
  // Byte by byte, with nothing or something of it read before the hand-over.
  for (const std::string& requests : {tls, gss, tls + gss, gss + tls, std::string()}) {
    const std::string head = requests + startup;
    for (const size_t read : {size_t{0}, size_t{3}, requests.size(), head.size()}) {
      Socket client = rig.client("127.0.0.1", head.substr(0, read));
      for (const char byte : head.substr(read)) CHECK(client.write({&byte, 1}));
      CHECK_EQUAL(client.read(requests.size() / 8), std::string(requests.size() / 8, 'N'));
      CHECK_EQUAL(client.read(startup.size()), startup);
      clients++;
    }
  }
  rig.check_end(SessionCounter::kEndFinished, clients);
  CHECK_EQUAL(rig.count(SessionCounter::kKeyFound), clients);
  for (const SessionRecord& record : rig.drain()) {
    if (record.kind == RecordKind::kClose) CHECK_EQUAL(record.bytes_to_backend, uint64_t{startup.size()});
  }
  Socket insists = rig.client();
  CHECK(insists.write(tls + tls));
  CHECK_EQUAL(insists.read(100), std::string("N"));
  CHECK(rig.counts(SessionCounter::kRefusedNoKey, 1));
}

TEST("a client that is told so and leaves is forgotten, and one that says no more is late") {
  const std::string tls("\0\0\0\x08\x04\xd2\x16\x2f", 8);
  const HeadRules rules{{{.source = HeadSource::kPostgres, .name = "user"}}, KeyFallback::kSource, true};
  Rig rig({.head = rules, .peek = {16 * 1024, 200}});
  Port port;
  rig.set("a", port.number());
  Socket silent = rig.client();
  Socket leaves = rig.client();
  for (Socket* client : {&silent, &leaves}) {
    CHECK(client->write(tls));
    CHECK_EQUAL(client->read(1), std::string("N"));
  }
  leaves.reset();
  CHECK(rig.counts(SessionCounter::kEndClientGone, 1));
  Socket backend = port.accept();
  CHECK_EQUAL(rig.count(SessionCounter::kKeyLate), uint64_t{1});
  CHECK(silent.write("x"));
  CHECK_EQUAL(backend.read(1), std::string("x"));
}

TEST("those whose heads are waited for end with the relay") {
  Rig rig(cookie_rig());
  Port port;
  rig.set("a", port.number());
  std::vector<Socket> clients;
  for (unsigned i = 0; i < 50; i++) clients.push_back(rig.client());
  CHECK(eventually([&] { return rig.relay.sessions() == 50; }));
  rig.relay.cut();
  rig.check_end(SessionCounter::kEndShutdown, 50);
}

TEST_MAIN

TEST("a client whose key is known is not looked at, and keeps the place in the budget that it came with") {
  Rig rig(cookie_rig(KeyFallback::kRefuse));
  EchoServer backend;
  rig.set("a", backend.number());
  const std::string key = "eve";
  const std::optional<Bytes> keys[] = {bytes_of(key), std::nullopt, Bytes{}};
  for (const auto& known : keys) {
    CHECK(FdBudget::process().take(FdBudget::kSession));
    Socket client = begin_connection(rig.front.number());
    Socket accepted = rig.front.accept();
    CHECK(rig.relay.pass_on(rig.listener, accepted.fd(), {bytes_of("read "), known, 5}));
    accepted.close();
    CHECK(client.write("before"));
    CHECK_EQUAL(to_client(client, 11), std::string("read before"));
  }
  CHECK_EQUAL(pin_of(rig, "eve"), std::string("a"));
  CHECK_EQUAL(rig.pin(), std::string("a"));
  CHECK_EQUAL(rig.pool->table()->entries(), size_t{2});
  CHECK(rig.idle());
  CHECK_EQUAL(FdBudget::process().used(), 0U);
  CHECK_EQUAL(rig.relay.sessions_of(rig.listener), int64_t{0});
  CHECK_EQUAL(rig.count(SessionCounter::kEndFinished), uint64_t{3});
  CHECK_EQUAL(rig.count(SessionCounter::kAccepted) + rig.count(SessionCounter::kKeyFound), uint64_t{0});
}

TEST("a client whose key is known stays the caller's where its pool is gone, or it has left") {
  Rig rig;
  Socket client = begin_connection(rig.front.number());
  Socket accepted = rig.front.accept();
  CHECK(rig.relay.let_go(rig.pool_id));
  CHECK(!rig.relay.pass_on(rig.listener, accepted.fd(), {bytes_of("x"), bytes_of("key")}));
  CHECK(!rig.relay.pass_on(rig.listener + 1, accepted.fd(), {}));
  CHECK(!rig.relay.pass_on(rig.listener, -1, {}));
  CHECK_EQUAL(rig.relay.sessions_of(rig.listener), int64_t{0});
}
