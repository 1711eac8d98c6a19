// Clients behind proxies: who they are then, what is taken of their bytes, and who is closed.
#include "support/echo.h"
#include "support/relay_rig.h"

using namespace limpet;
using namespace limpet::test;

namespace {

constexpr uint64_t kForever = 60'000;
const std::string kLine = "PROXY TCP4 192.0.2.7 198.51.100.2 4711 443\r\n";
const std::string kPayload = "hello, and nothing of the header";

std::shared_ptr<const AddressFilter> networks(const char* allowed, const char* denied = nullptr) {
  auto filter = std::make_shared<AddressFilter>();
  if (allowed) CHECK(filter->allow(allowed));
  if (denied) CHECK(filter->deny(denied));
  filter->seal();
  return filter;
}

RigOptions proxy_rig(uint64_t timeout_ms = kForever) {
  return {.record = true, .proxy = {networks("127.0.0.0/30"), timeout_ms}};
}

ClientAddress address(const char* text, uint16_t port) {
  ClientAddress parsed = *parse_address(text);
  parsed.port = port;
  return parsed;
}

std::string header_v2(const std::vector<ProxyTlv>& tlvs, bool checksum = false,
                      ProxyCommand command = ProxyCommand::kProxy) {
  ProxyHeader header;
  header.command = command;
  header.source = address("2001:db8::7", 4711);
  header.destination = address("2001:db8::1", 443);
  std::string bytes(kMostProxyV2Bytes, '\0');
  bytes.resize(encode_proxy_v2(header, tlvs, checksum, {reinterpret_cast<uint8_t*>(bytes.data()), bytes.size()}));
  return bytes;
}

ProxyTlv tlv(uint8_t type, std::string_view value) { return {type, bytes_of(value)}; }

// Comes with these bytes, is served, and reads back what follows the header.
void check_served(Rig& rig, const std::string& header, size_t read_before = 0) {
  const std::string all = header + kPayload;
  Socket client = rig.client("127.0.0.1", all.substr(0, read_before));
  CHECK(client.write(all.substr(read_before)));
  CHECK_EQUAL(client.read(kPayload.size()), kPayload);
  client.close();
  CHECK(rig.idle());
}

// Comes with these bytes, and is closed without a backend.
void check_refused(Rig& rig, const std::string& bytes, SessionCounter cause) {
  const uint64_t before = rig.count(cause);
  Socket client = rig.client();
  CHECK(client.write(bytes));
  CHECK_EQUAL(client.read(1), std::string(""));
  CHECK(rig.counts(cause, before + 1));
}

std::string pin_of(Rig& rig, std::string_view key_text) {
  const AffinityKey key = rig.pool->key(bytes_of(key_text));
  const auto found = rig.pool->table()->find(key, rig.pool->table()->hash(key), monotonic_ms());
  const RosterEntry* const entry = found ? rig.pool->roster().find(found->pin.backend, found->pin.generation) : nullptr;
  return entry ? entry->backend->name : "";
}

}  // namespace

TEST("the header's source is the client, in the pin and in the records") {
  Rig rig(proxy_rig());
  EchoServer backend;
  rig.set("a", backend.number());
  check_served(rig, kLine);
  CHECK_EQUAL(rig.pin("192.0.2.7"), std::string("a"));
  CHECK_EQUAL(rig.pin(), std::string(""));
  const auto records = rig.drain();
  CHECK_EQUAL(records.size(), size_t{2});
  for (const SessionRecord& record : records) {
    CHECK_EQUAL(int{record.family}, 4);
    CHECK_EQUAL(int{record.client_port}, 4711);
    CHECK(std::memcmp(record.client, "\xc0\0\x02\x07", 4) == 0);
  }
  CHECK_EQUAL(records.back().bytes_to_backend, uint64_t{kPayload.size()});
  CHECK_EQUAL(rig.count(SessionCounter::kBytesToBackend), uint64_t{kPayload.size()});
  rig.check_end(SessionCounter::kEndFinished);
}

TEST("nothing behind the header is lost, wherever the bytes are cut") {
  Rig rig(proxy_rig());
  EchoServer backend;
  rig.set("a", backend.number());
  uint64_t sessions = 0;
  for (const std::string& header :
       {kLine, header_v2({tlv(0xe0, "x")}, true), header_v2({}, false, ProxyCommand::kLocal)}) {
    const std::string all = header + "12";
    for (size_t cut = 1; cut < all.size(); cut++) {
      Socket client = rig.client("127.0.0.1", all.substr(0, cut % 3 == 0 ? 0 : cut / 2));
      const size_t handed = cut % 3 == 0 ? 0 : cut / 2;
      CHECK(client.write(all.substr(handed, cut - handed)));
      CHECK(client.write(all.substr(cut)));
      CHECK_EQUAL(client.read(2), std::string("12"));
      sessions++;
    }
    check_served(rig, header, header.size());
    check_served(rig, header, header.size() + kPayload.size());
    sessions += 2;
  }
  rig.check_end(SessionCounter::kEndFinished, sessions);
}

TEST("a header that comes byte by byte is waited for, without a backend") {
  Rig rig(proxy_rig());
  Port port;
  rig.set("a", port.number());
  Socket client = rig.client();
  for (const char byte : kLine.substr(0, kLine.size() - 1)) CHECK(client.write({&byte, 1}));
  CHECK(!port.has_caller(30));
  CHECK_EQUAL(rig.pool->seats(), uint64_t{0});
  CHECK(client.write("\n"));
  Socket backend = port.accept();
  CHECK(backend.echoes("the server speaks first", client));
  CHECK(client.echoes("and then the client", backend));
}

TEST("what is no header closes the connection, and no backend sees it") {
  Rig rig(proxy_rig());
  Port port;
  rig.set("a", port.number());
  std::string corrupt = header_v2({tlv(0xe0, "x")}, true);
  corrupt[20] = static_cast<char>(corrupt[20] ^ 1);
  std::string too_long = header_v2({});
  too_long[14] = '\x40';
  const std::string overrun = header_v2({tlv(0xe0, "x")}).replace(16 + 36 + 1, 2, "\0\x02", 2);
  for (const std::string& bad : {std::string("\x16\x03\x01\x02"), std::string("GET / HTTP/1.1\r\n\r\n"), corrupt,
                                 overrun, too_long.substr(0, 16), "PROXY TCP4 " + std::string(97, '1')}) {
    check_refused(rig, bad, SessionCounter::kRefusedProxyInvalid);
  }
  CHECK(!port.has_caller(20));
  CHECK(rig.idle());
  rig.check_end(SessionCounter::kRefusedProxyInvalid, 6);
  for (const SessionRecord& record : rig.drain()) CHECK(record.kind == RecordKind::kRefused);
}

TEST("a header that is cut off by the client's end is none, and a connection without a byte is nothing") {
  Rig rig(proxy_rig());
  Port port;
  rig.set("a", port.number());
  Socket cut = rig.client();
  CHECK(cut.write(kLine.substr(0, 20)));
  cut.finish();
  CHECK_EQUAL(cut.read(1), std::string(""));
  CHECK(rig.counts(SessionCounter::kRefusedProxyInvalid, 1));
  Socket check = rig.client();
  check.finish();
  CHECK_EQUAL(check.read(1), std::string(""));
  CHECK(rig.counts(SessionCounter::kEndClientGone, 1));
  Socket gone = rig.client();
  CHECK(eventually([&] { return rig.relay.sessions() == 1; }));
  gone.reset();
  CHECK(rig.counts(SessionCounter::kEndClientGone, 2));
  rig.check_balance();
}

TEST("a header must be whole in time, however it drips") {
  Rig rig(proxy_rig(100));
  Port port;
  rig.set("a", port.number());
  Socket silent = rig.client();
  Socket slow = rig.client();
  std::thread drip([&] {
    for (size_t at = 0; at + 1 < kLine.size() && slow.write({&kLine[at], 1}); at++) {
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
  });
  CHECK_EQUAL(silent.read(1), std::string(""));
  CHECK(rig.counts(SessionCounter::kRefusedProxyTimeout, 2));
  drip.join();
  CHECK(!port.has_caller(20));
  rig.check_end(SessionCounter::kRefusedProxyTimeout, 2);
}

TEST("who is no proxy that is trusted is closed, with a header or without, on both acceptors") {
  Rig rig(proxy_rig());
  EchoServer backend;
  rig.set("a", backend.number());
  Socket stranger = rig.client("127.0.0.9");
  CHECK_EQUAL(rig.handed, static_cast<int>(HandOver::kDenied));
  rig.listen();
  rig.relay.accept(rig.listener);
  Socket other = begin_connection(rig.own_port(), "127.0.0.9");
  CHECK_EQUAL(other.read(1), std::string(""));
  Socket proxy = begin_connection(rig.own_port(), "127.0.0.2");
  CHECK(proxy.write(kLine + kPayload));
  CHECK_EQUAL(proxy.read(kPayload.size()), kPayload);
  proxy.close();
  CHECK(rig.unlisten());
  CHECK(rig.idle());
  CHECK_EQUAL(rig.count(SessionCounter::kRefusedProxyUntrusted), uint64_t{2});
  CHECK_EQUAL(rig.pin("192.0.2.7"), std::string("a"));
  rig.check_balance();
}

TEST("a client that was waited for elsewhere comes with its header, which no bytes are taken for") {
  RigOptions options = proxy_rig();
  options.head = {{{.source = HeadSource::kHttpPath}}, KeyFallback::kRefuse};
  Rig rig(options);
  Outgoing outgoing;
  outgoing.proxy = SendProxy::kV1;
  rig.relay.set_outgoing(rig.pool_id, outgoing);
  Port port;
  rig.set("a", port.number());
  const auto pass_on = [&](const std::string& header, const std::optional<Bytes>& key) {
    CHECK(FdBudget::process().take(FdBudget::kSession));
    Socket client = begin_connection(rig.front.number());
    Socket accepted = rig.front.accept();
    CHECK(rig.relay.pass_on(rig.listener, accepted.fd(),
                            {bytes_of("head "), key, 5, 0, true, std::nullopt, bytes_of(header)}));
    return client;
  };
  const std::string key = "eve";
  for (const auto& known : {std::optional<Bytes>(bytes_of(key)), std::optional<Bytes>()}) {
    Socket client = pass_on(kLine, known);
    Socket backend = port.accept();
    CHECK(client.write("and more"));
    const std::string expected = kLine + "head and more";
    CHECK_EQUAL(backend.read(expected.size()), expected);
    client.close();
    backend.close();
    CHECK(rig.idle());
  }
  // By the key that it came with, or by the address that its header names.
  CHECK_EQUAL(pin_of(rig, key), std::string("a"));
  CHECK_EQUAL(rig.pin("192.0.2.7"), std::string("a"));
  CHECK_EQUAL(rig.pin(), std::string(""));
  for (const SessionRecord& record : rig.drain()) {
    CHECK_EQUAL(int{record.client_port}, 4711);
    CHECK(std::memcmp(record.client, "\xc0\0\x02\x07", 4) == 0);
  }
  CHECK_EQUAL(rig.count(SessionCounter::kBytesToBackend), uint64_t{26});
  CHECK_EQUAL(FdBudget::process().used(), 0U);
}

TEST("a client that was waited for elsewhere stays there where its header is none, or not whole") {
  Rig rig(proxy_rig());
  EchoServer backend;
  rig.set("a", backend.number());
  Socket client = begin_connection(rig.front.number());
  Socket accepted = rig.front.accept();
  for (const std::string& bad : {kLine.substr(0, kLine.size() - 1), std::string("GET / HTTP/1.1\r\n\r\n")}) {
    CHECK(
        !rig.relay.pass_on(rig.listener, accepted.fd(), {{}, std::nullopt, 0, 0, false, std::nullopt, bytes_of(bad)}));
  }
  CHECK_EQUAL(rig.relay.sessions_of(rig.listener), int64_t{0});
}

TEST("the lists are about the client, and not about the proxy") {
  RigOptions options = proxy_rig();
  options.filter = networks("192.0.2.0/24", "192.0.2.8");
  Rig rig(options);
  EchoServer backend;
  rig.set("a", backend.number());
  check_served(rig, kLine);
  for (const char* const refused : {"PROXY TCP4 192.0.2.8 198.51.100.2 1 443\r\n",
                                    "PROXY TCP4 203.0.113.1 1.1.1.1 1 443\r\n", "PROXY UNKNOWN\r\n"}) {
    check_refused(rig, refused, SessionCounter::kRefusedDenied);
  }
  rig.check_balance();
}

TEST("where the header names nobody, the connection's own address is the client's") {
  Rig rig(proxy_rig());
  EchoServer backend;
  rig.set("a", backend.number());
  check_served(rig, header_v2({}, false, ProxyCommand::kLocal));
  CHECK_EQUAL(rig.pin(), std::string("a"));
  check_served(rig, "PROXY UNKNOWN 1 2 3\r\n");
  rig.check_end(SessionCounter::kEndFinished, 2);
}

TEST("keys are taken from the header, and those of the head follow it") {
  RigOptions options = proxy_rig();
  options.head = {{{.source = HeadSource::kProxyTlv, .offset = proxy_tlv::kAuthority},
                   {.source = HeadSource::kProxyVpcEndpoint},
                   {.source = HeadSource::kHttpPath},
                   {.source = HeadSource::kProxySource}},
                  KeyFallback::kRefuse};
  Rig rig(options);
  EchoServer backend;
  rig.set("a", backend.number());
  const std::string request = "GET /room HTTP/1.1\r\n\r\n";
  const auto visit = [&](const std::string& bytes, const std::string& payload) {
    Socket client = rig.client();
    CHECK(client.write(bytes + payload));
    CHECK_EQUAL(client.read(payload.size()), payload);
  };
  visit(header_v2({tlv(proxy_tlv::kAuthority, "a.example"), tlv(proxy_tlv::kAws, "\x01vpce-7")}), "x");
  CHECK_EQUAL(pin_of(rig, "a.example"), std::string("a"));
  visit(header_v2({tlv(proxy_tlv::kAws, "\x01vpce-7")}), "x");
  CHECK_EQUAL(pin_of(rig, "vpce-7"), std::string("a"));
  visit(kLine, request);
  CHECK_EQUAL(pin_of(rig, "/room"), std::string("a"));
  visit(kLine, "\x16");
  CHECK_EQUAL(rig.pin("192.0.2.7"), std::string("a"));
  CHECK(rig.idle());
  CHECK_EQUAL(rig.count(SessionCounter::kKeyFound), uint64_t{4});
  Socket nameless = rig.client();
  CHECK(nameless.write("PROXY UNKNOWN\r\n\x16"));
  CHECK_EQUAL(nameless.read(1), std::string(""));
  CHECK(rig.counts(SessionCounter::kRefusedNoKey, 1));
  rig.check_balance();
}

TEST("those whose headers are waited for end with the relay") {
  Rig rig(proxy_rig());
  std::vector<Socket> clients;
  for (unsigned i = 0; i < 50; i++) clients.push_back(rig.client());
  CHECK(eventually([&] { return rig.relay.sessions() == 50; }));
  rig.relay.cut();
  rig.check_end(SessionCounter::kEndShutdown, 50);
}

TEST_MAIN
