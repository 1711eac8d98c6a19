// Keys that are not hashed: the backend that a routing token names, and sessions that are learnt from answers.
#include "support/echo.h"
#include "support/head.h"
#include "support/relay_rig.h"

using namespace limpet;
using namespace limpet::test;
using namespace std::string_literals;

namespace {

constexpr PeekLimits kPatient = {16 * 1024, 60'000};
const std::string kSession(32, 's');

std::string hello(uint8_t type, const std::string& session, const std::string& more) {
  const std::string body = number(0x0303, 2) + std::string(32, 'r') + with_length(session, 1) + more;
  return "\x16\x03\x03" + with_length(static_cast<char>(type) + with_length(body, 3), 2);
}

std::string client_hello(const std::string& session = "") {
  return hello(1, session, with_length(number(0xc02b, 2), 2) + with_length("\0"s, 1));
}

std::string server_hello(const std::string& session = kSession, const std::string& extensions = "") {
  return hello(2, session, number(0xc02b, 2) + number(0, 1) + with_length(extensions, 2));
}

RigOptions session_rig(KeyFallback fallback = KeyFallback::kSource) {
  return {.head = {{{.source = HeadSource::kTlsSession}}, fallback}, .peek = kPatient};
}

RigOptions token_rig(KeyFallback fallback = KeyFallback::kSource) {
  return {.head = {{{.source = HeadSource::kRdpToken}}, fallback}, .peek = kPatient};
}

// Where the session is known to be; empty: nowhere.
std::string home_of(Rig& rig, const std::string& session = kSession) {
  const AffinityKey key = rig.pool->key(bytes_of(session));
  const auto found = rig.pool->table()->find(key, rig.pool->table()->hash(key), monotonic_ms());
  const RosterEntry* const entry = found ? rig.pool->roster().find(found->pin.backend, found->pin.generation) : nullptr;
  return entry ? entry->backend->name : "";
}

// A handshake's first bytes, there and back.
void shake_hands(Socket& client, Port& port, const std::string& hello, const std::vector<std::string>& answer) {
  CHECK(client.write(hello));
  Socket backend = port.accept();
  CHECK_EQUAL(backend.read(hello.size()), hello);
  for (const std::string& part : answer) {
    CHECK(backend.write(part));
    CHECK_EQUAL(client.read(part.size()), part);
  }
  client.close();
  CHECK(backend.ends());
  backend.close();
}

std::vector<std::string> cut(const std::string& text, size_t most) {
  std::vector<std::string> parts;
  for (size_t at = 0; at < text.size(); at += most) parts.push_back(text.substr(at, most));
  return parts;
}

std::string token_of(const char* address, uint16_t port) {
  const auto endpoint = make_endpoint(address, port);
  const auto* in = reinterpret_cast<const sockaddr_in*>(&endpoint->storage);
  return std::to_string(in->sin_addr.s_addr) + "." + std::to_string(in->sin_port) + ".0000";
}

std::string rdp_request(const std::string& token) {
  const std::string line = "Cookie: msts=" + token + "\r\n";
  return "\x03\0"s + number(line.size() + 11, 2) + number(line.size() + 6, 1) + "\xe0\0\0\0\0\0"s + line;
}

}  // namespace

TEST("a session that the backend names is where its client comes back to, whatever its address") {
  Rig rig(session_rig());
  EchoServer others[2];
  Port port;
  rig.set("a", port.number());
  Socket first = rig.client();
  shake_hands(first, port, client_hello(), {server_hello()});
  CHECK_EQUAL(home_of(rig), std::string("a"));
  for (unsigned i = 0; i < 2; i++) rig.set("b" + std::to_string(i), others[i].number());
  for (unsigned i = 1; i < 10; i++) {
    Socket again = rig.client(("127.0.0." + std::to_string(i)).c_str());
    shake_hands(again, port, client_hello(kSession), {server_hello()});
  }
  CHECK(rig.idle());
  CHECK_EQUAL(rig.count(SessionCounter::kKeyFound), uint64_t{9});
  CHECK_EQUAL(rig.count(SessionCounter::kKeyMissing), uint64_t{1});
  rig.check_balance();
}

TEST("a session is learnt wherever its name is cut, and no byte waits for it") {
  const std::string answer = server_hello() + std::string(100, 'x');
  for (const size_t most : {size_t{1}, size_t{5}, size_t{44}, size_t{70}, answer.size()}) {
    Rig rig(session_rig());
    Port port;
    rig.set("a", port.number());
    Socket client = rig.client();
    shake_hands(client, port, client_hello(), cut(answer, most));
    CHECK_EQUAL(home_of(rig), std::string("a"));
    rig.check_balance();
  }
}

TEST("a session is not looked for past two thousand bytes") {
  Rig rig(session_rig());
  Port port;
  rig.set("a", port.number());
  Socket client = rig.client();
  const std::string padding = number(21, 2) + with_length(std::string(3000, 'p'), 2);
  shake_hands(client, port, client_hello(), {server_hello(kSession, padding)});
  CHECK_EQUAL(home_of(rig), std::string(""));
  rig.check_balance();
}

TEST("what a server of tls 1 3 repeats is not learnt") {
  Rig rig(session_rig());
  Port port;
  rig.set("a", port.number());
  Socket client = rig.client();
  const std::string versions = number(43, 2) + with_length(number(0x0304, 2), 2);
  shake_hands(client, port, client_hello(kSession), {server_hello(kSession, versions)});
  CHECK_EQUAL(home_of(rig), std::string(""));
}

TEST("an unknown session is a missing key") {
  Rig rig(session_rig(KeyFallback::kRefuse));
  Port port;
  rig.set("a", port.number());
  Socket client = rig.client();
  CHECK(client.write(client_hello(kSession)));
  CHECK_EQUAL(client.read(1), std::string(""));
  rig.check_end(SessionCounter::kRefusedNoKey);
}

TEST("nothing is learnt where no key asks for it") {
  Rig rig({.head = {{{.source = HeadSource::kTlsSni}}, KeyFallback::kSource}, .peek = kPatient});
  Port port;
  rig.set("a", port.number());
  Socket client = rig.client();
  shake_hands(client, port, client_hello(), {server_hello()});
  CHECK_EQUAL(home_of(rig), std::string(""));
}

TEST("a routing token leads to the backend of its address, and makes no pin") {
  Rig rig(token_rig());
  EchoServer backends[5];
  for (unsigned i = 0; i < 5; i++) rig.set("b" + std::to_string(i), backends[i].number());
  std::vector<Socket> clients;
  for (unsigned i = 0; i < 5; i++) {
    const std::string request = rdp_request(token_of("127.0.0.1", backends[i].number()));
    for (unsigned n = 0; n < 3; n++) {
      clients.push_back(rig.client());
      CHECK(clients.back().write(request));
      CHECK_EQUAL(clients.back().read(request.size()), request);
    }
    CHECK_EQUAL(rig.backend("b" + std::to_string(i))->sessions(), 3U);
  }
  CHECK_EQUAL(rig.pin(), std::string(""));
  CHECK_EQUAL(rig.count(SessionCounter::kKeyFound), uint64_t{15});
  clients.clear();
  rig.check_end(SessionCounter::kEndFinished, 15);
}

TEST("a token of nobody's address is passed over") {
  Rig rig(token_rig());
  EchoServer backend;
  rig.set("a", backend.number());
  for (const std::string& token : {token_of("127.0.0.2", backend.number()), token_of("127.0.0.1", 1), "7.7"s}) {
    Socket client = rig.client();
    const std::string request = rdp_request(token);
    CHECK(client.write(request));
    CHECK_EQUAL(client.read(request.size()), request);
  }
  CHECK(rig.idle());
  CHECK_EQUAL(rig.count(SessionCounter::kKeyMissing), uint64_t{3});
  CHECK_EQUAL(rig.pin(), std::string("a"));
}

TEST("a backend that is down is nobody's, and one that does not answer is left for another") {
  for (const KeyFallback fallback : {KeyFallback::kSource, KeyFallback::kRandom, KeyFallback::kRefuse}) {
    Rig rig(token_rig(fallback));
    EchoServer backend;
    rig.set("a", backend.number());
    const uint16_t closed = Port{}.number();
    rig.set("b", closed);
    Socket client = rig.client();
    const std::string request = rdp_request(token_of("127.0.0.1", closed));
    CHECK(client.write(request));
    CHECK_EQUAL(client.read(request.size()), request);
    rig.pool->set_backend("b", {make_endpoint("127.0.0.1", closed), 1, 0, BackendState::kDown});
    rig.pool->publish();
    Socket late = rig.client();
    CHECK(late.write(request));
    CHECK_EQUAL(late.read(request.size()), fallback == KeyFallback::kRefuse ? std::string("") : request);
    CHECK_EQUAL(rig.count(SessionCounter::kKeyFound), uint64_t{1});
    CHECK_EQUAL(rig.count(SessionCounter::kKeyMissing), uint64_t{1});
  }
}

TEST_MAIN
