// PROXY protocol headers: the forms of the specification, every split, every cut, and lengths that lie.
#include "protocol/proxy_protocol.h"

#include "protocol/crc32c.h"
#include "support/proxy_headers.h"
#include "support/random.h"

using namespace limpet;
using namespace limpet::test;

namespace {

using Family = ClientAddress::Family;

// 192.0.2.1:1234 → 198.51.100.2:443, and 2001:db8::1, 2001:db8::2 with the same ports.
const Bytes kIpv4Block = {192, 0, 2, 1, 198, 51, 100, 2, 0x04, 0xd2, 0x01, 0xbb};
const Bytes kIpv6Block = Bytes{0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1} +
                         Bytes{0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2} + Bytes{0x04, 0xd2, 0x01, 0xbb};

ClientAddress endpoint(const char* text, uint16_t port) {
  ClientAddress address = *parse_address(text);
  address.port = port;
  return address;
}

void check_refused(const Bytes& stream, ProxyFault wanted, size_t most = kMostProxyV2Bytes) {
  const ProxyVerdict verdict = decode_split(stream, most);
  CHECK_EQUAL(verdict.status, ProxyStatus::kRefused);
  CHECK_EQUAL(verdict.fault, wanted);
}

// A header, with bytes of the client behind it.
ProxyHeader check_complete(const Bytes& header, const Bytes& behind = {}) {
  static Bytes kept;
  kept = header + behind;
  const ProxyVerdict verdict = decode_split(kept);
  CHECK_EQUAL(verdict.status, ProxyStatus::kComplete);
  CHECK_EQUAL(verdict.length, header.size());
  ProxyHeader decoded;
  decode(kept, decoded);
  return decoded;
}

void check_line(std::string_view line, ProxyFault wanted) { check_refused(bytes_of(line), wanted); }

Bytes with_checksum(const Bytes& header) {
  Bytes made = header + tlv(proxy_tlv::kChecksum, {0, 0, 0, 0});
  const size_t length = made.size() - kProxyV2HeadBytes;
  made[14] = static_cast<uint8_t>(length >> 8);
  made[15] = static_cast<uint8_t>(length);
  const uint32_t sum = crc32c(made);
  for (unsigned i = 0; i < 4; i++) made[made.size() - 4 + i] = static_cast<uint8_t>(sum >> (24 - 8 * i));
  return made;
}

}  // namespace

TEST("CRC-32C of known bytes") {
  // RFC 3720, B.4; the catalogue of parametrised CRC algorithms.
  Bytes counting(32);
  for (unsigned i = 0; i < 32; i++) counting[i] = static_cast<uint8_t>(i);
  CHECK_EQUAL(crc32c(Bytes(32, 0x00)), 0x8a9136aaU);
  CHECK_EQUAL(crc32c(Bytes(32, 0xff)), 0x62a8ab43U);
  CHECK_EQUAL(crc32c(counting), 0x46dd794eU);
  CHECK_EQUAL(crc32c(Bytes(counting.rbegin(), counting.rend())), 0x113fdb5cU);
  CHECK_EQUAL(crc32c(bytes_of("123456789")), 0xe3069283U);
  CHECK_EQUAL(crc32c({}), 0U);
  CHECK_EQUAL(crc32c(bytes_of("6789"), crc32c(bytes_of("12345"))), 0xe3069283U);
}

TEST("version 1: the lines of the specification") {
  const Bytes request = bytes_of("GET / HTTP/1.1\r\nHost: 192.168.0.11\r\n\r\n");
  const ProxyHeader ipv4 = check_complete(bytes_of("PROXY TCP4 192.168.0.1 192.168.0.11 56324 443\r\n"), request);
  CHECK_EQUAL(ipv4.version, 1);
  CHECK_EQUAL(ipv4.transport, ProxyTransport::kStream);
  CHECK(same(ipv4.source, endpoint("192.168.0.1", 56324)));
  CHECK(same(ipv4.destination, endpoint("192.168.0.11", 443)));
  const std::string longest =
      "PROXY TCP6 ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe FFFF:ffff:ffff:ffff:ffff:ffff:ffff:ffff";
  const ProxyHeader ipv6 = check_complete(bytes_of(longest + " 65535 65535\r\n"), request);
  CHECK(same(ipv6.source, endpoint("ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe", 65535)));
  const ProxyHeader zero = check_complete(bytes_of("PROXY TCP4 0.0.0.0 255.255.255.255 0 0\r\n"));
  CHECK(same(zero.source, endpoint("0.0.0.0", 0)));
}

TEST("version 1: UNKNOWN names nobody, whatever else it says") {
  const std::string most =
      "PROXY UNKNOWN ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff";
  for (const std::string& line : {std::string("PROXY UNKNOWN\r\n"), std::string("PROXY UNKNOWN \r\n"),
                                  std::string("PROXY UNKNOWN  x\0y\t\r\n", 21), most + " 65535 65535\r\n"}) {
    const ProxyHeader header = check_complete(bytes_of(line), bytes_of("x"));
    CHECK_EQUAL(header.source.family, Family::kNone);
    CHECK_EQUAL(header.transport, ProxyTransport::kUnspecified);
  }
  CHECK_EQUAL(most.size() + 14, kMostProxyV1Bytes);
}

TEST("version 1: everything else is refused, as soon as it is known") {
  for (const char* text : {"G", "PROXX", "PROXY\t", "PROXY\r\n", "proxy TCP4", " PROXY", "\n", "\r\n\r\n\1", "\r\r"}) {
    check_line(text, ProxyFault::kNoHeader);
  }
  for (const char* line : {"PROXY TCP4 1.2.3.4 1.2.3.4 1 2\n", "PROXY TCP4 1.2.3.4 1.2.3.4 1 2\rx", "PROXY \n",
                           "PROXY UNKNOWN\r\r\n", "PROXY UNKNOWN\n\r\n"}) {
    check_line(line, ProxyFault::kLineEnd);
  }
  for (const char* line : {"PROXY \r\n", "PROXY TCP\r\n", "PROXY TCP5 1.2.3.4 1.2.3.4 1 2\r\n", "PROXY  TCP4\r\n",
                           "PROXY tcp4 1.2.3.4 1.2.3.4 1 2\r\n", "PROXY UNKNOWNx\r\n",
                           "PROXY UDP4 1.2.3.4 1.2.3.4 1 2\r\n", "PROXY UNKNOWN\t\r\n"}) {
    check_line(line, ProxyFault::kProtocol);
  }
  for (const char* addresses :
       {"TCP4", "TCP4 ", "TCP4 1.2.3.4", "TCP4  1.2.3.4 1.2.3.4", "TCP4 1.2.3.4  1.2.3.4", "TCP4 1.2.3 1.2.3.4",
        "TCP4 01.2.3.4 1.2.3.4", "TCP4 1.2.3.4 1.2.3.256", "TCP4 ::1 ::1", "TCP4 1.2.3.4 ::1", "TCP4 a 1.2.3.4",
        "TCP6 1.2.3.4 ::1", "TCP6 ::1 1.2.3.4", "TCP6 ::1%lo ::1", "TCP6 1::2::3 ::1", "TCP6 [::1] ::1"}) {
    check_line(std::string("PROXY ") + addresses + " 1 2\r\n", ProxyFault::kAddress);
  }
  for (const char* ports :
       {"", " ", " 1", " 1 ", " 1  2", "  1 2", " 1 2 ", " 1 2 3", " 01 2", " 1 00", " 65536 1", " 1 65536", " +1 2",
        " -1 2", " 1 2x", " 0x1 2", " 1\t2", " 1 99999999999999999999", " , ,"}) {
    check_line(std::string("PROXY TCP4 1.2.3.4 1.2.3.4") + ports + "\r\n", ProxyFault::kPort);
  }
}

TEST("version 1: a line ends within 107 bytes") {
  const std::string beginning = "PROXY UNKNOWN ";
  const auto padded = [&](size_t size) { return beginning + std::string(size - beginning.size(), 'x'); };
  check_complete(bytes_of(padded(105) + "\r\n"));
  check_line(padded(106) + "\r\n", ProxyFault::kLineLength);
  check_line(padded(107), ProxyFault::kLineLength);
  check_line(padded(700), ProxyFault::kLineLength);
  CHECK_EQUAL(decode_split(bytes_of(padded(106))).status, ProxyStatus::kMore);
  CHECK_EQUAL(decode_split(bytes_of(padded(105) + "\r")).status, ProxyStatus::kMore);
}

TEST("version 2: addresses of both families, streams and datagrams") {
  const ProxyHeader tcp4 = check_complete(proxy_v2(0x21, 0x11, kIpv4Block), bytes_of("hello"));
  CHECK_EQUAL(tcp4.version, 2);
  CHECK_EQUAL(tcp4.command, ProxyCommand::kProxy);
  CHECK_EQUAL(tcp4.transport, ProxyTransport::kStream);
  CHECK(same(tcp4.source, endpoint("192.0.2.1", 1234)));
  CHECK(same(tcp4.destination, endpoint("198.51.100.2", 443)));
  const ProxyHeader udp6 = check_complete(proxy_v2(0x21, 0x22, kIpv6Block), bytes_of("hello"));
  CHECK_EQUAL(udp6.transport, ProxyTransport::kDatagram);
  CHECK(same(udp6.source, endpoint("2001:db8::1", 1234)));
  CHECK(same(udp6.destination, endpoint("2001:db8::2", 443)));
  CHECK(udp6.tlvs.empty());
}

TEST("version 2: paths of unix sockets") {
  Bytes block(2 * kProxyPathBytes);
  std::memcpy(block.data(), "/run/client", 11);
  std::memcpy(block.data() + kProxyPathBytes, "/run/server", 11);
  const ProxyHeader header = check_complete(proxy_v2(0x21, 0x31, block + tlv(0xe0, bytes_of("x"))));
  CHECK_EQUAL(header.source.family, Family::kUnix);
  CHECK_EQUAL(header.destination.family, Family::kUnix);
  CHECK(same(header.paths, block));
  CHECK_EQUAL(tlvs_of(header.tlvs).size(), size_t{1});
  check_refused(proxy_v2(0x21, 0x32, Bytes(2 * kProxyPathBytes - 1)), ProxyFault::kAddressLength);
}

TEST("version 2: LOCAL and UNSPEC name nobody, and their block is skipped whatever it is") {
  const Bytes blocks[] = {{}, kIpv4Block, Bytes(3, 0xff), Bytes(300, 0x03)};
  for (const Bytes& block : blocks) {
    for (const auto& [command, kind] :
         {std::pair(0x20U, 0x00U), {0x20U, 0x11U}, {0x20U, 0xffU}, {0x21U, 0x00U}, {0x21U, 0x01U}, {0x21U, 0x20U}}) {
      const ProxyHeader header = check_complete(proxy_v2(command, kind, block), bytes_of("x"));
      CHECK_EQUAL(static_cast<unsigned>(header.command), command & 1);
      CHECK_EQUAL(header.source.family, Family::kNone);
      CHECK_EQUAL(header.transport, ProxyTransport::kUnspecified);
      CHECK(header.tlvs.empty() && header.paths.empty());
    }
  }
}

TEST("version 2: what the specification does not know is refused by its first wrong byte") {
  for (unsigned value = 0; value < 256; value++) {
    Bytes stream = proxy_v2(value, 0x11, kIpv4Block);
    if (value >> 4 != 2) check_refused(stream, ProxyFault::kVersion);
    if (value >> 4 == 2 && value > 0x21) check_refused(stream, ProxyFault::kCommand);
    stream.resize(13);
    const ProxyStatus wanted = value == 0x20 || value == 0x21 ? ProxyStatus::kMore : ProxyStatus::kRefused;
    CHECK_EQUAL(decode_split(stream).status, wanted);
    stream = proxy_v2(0x21, value, Bytes(2 * kProxyPathBytes));
    if (value >> 4 > 3 || (value & 15) > 2) check_refused(stream, ProxyFault::kFamily);
  }
  Bytes signature = proxy_v2(0x21, 0x11, kIpv4Block);
  for (size_t at = 0; at < 12; at++) {
    signature[at] ^= 0x80;
    check_refused(Bytes(signature.begin(), signature.begin() + static_cast<std::ptrdiff_t>(at) + 1),
                  ProxyFault::kNoHeader);
    signature[at] ^= 0x80;
  }
}

TEST("version 2: lengths that are too short or too long") {
  check_refused(proxy_v2(0x21, 0x11, kIpv4Block, 11), ProxyFault::kAddressLength);
  check_refused(proxy_v2(0x21, 0x21, kIpv6Block, 35), ProxyFault::kAddressLength);
  check_refused(proxy_v2(0x21, 0x11, {}, 0), ProxyFault::kAddressLength);
  // With the sixteenth byte: nobody waits for 65 kB.
  check_refused(proxy_v2(0x21, 0x11, {}, 0xffff), ProxyFault::kHeaderLength, 1024);
  check_refused(proxy_v2(0x20, 0x00, {}, 0xffff), ProxyFault::kHeaderLength, 1024);
  check_refused(proxy_v2(0x21, 0x11, kIpv4Block), ProxyFault::kHeaderLength, 27);
  CHECK_EQUAL(decode_split(proxy_v2(0x21, 0x11, kIpv4Block), 28).status, ProxyStatus::kComplete);
  CHECK_EQUAL(decode_split(proxy_v2(0x21, 0x11, kIpv4Block, 0xffff)).status, ProxyStatus::kMore);
  const Bytes longest = proxy_v2(0x21, 0x11, kIpv4Block + tlv(4, Bytes(0xffff - 12 - 3)));
  ProxyHeader header;
  CHECK_EQUAL(decode(longest, header).length, kMostProxyV2Bytes);
}

TEST("IPv4-mapped addresses are IPv4, in both versions") {
  const ProxyHeader line = check_complete(bytes_of("PROXY TCP6 ::ffff:192.0.2.1 2001:db8::2 1234 443\r\n"));
  CHECK(same(line.source, endpoint("192.0.2.1", 1234)));
  CHECK(same(line.destination, endpoint("2001:db8::2", 443)));
  Bytes block = kIpv6Block;
  std::memcpy(block.data(), "\0\0\0\0\0\0\0\0\0\0\xff\xff\xc0\0\2\1", 16);
  const Bytes binary = proxy_v2(0x21, 0x21, block);
  const ProxyHeader header = check_complete(binary);
  CHECK(same(header.source, endpoint("192.0.2.1", 1234)));
  CHECK(same(header.destination, endpoint("2001:db8::2", 443)));
  CHECK(encode(header) == binary);
}

TEST("TLVs are found by their numbers") {
  const Bytes ssl = Bytes{0x07, 0, 0, 0, 1} + tlv(proxy_tlv::kSslVersion, bytes_of("TLSv1.3")) +
                    tlv(proxy_tlv::kSslCommonName, bytes_of("client"));
  const Bytes block = kIpv4Block + tlv(proxy_tlv::kNoop, Bytes(5)) + tlv(proxy_tlv::kAuthority, bytes_of("a.example")) +
                      tlv(proxy_tlv::kAuthority, bytes_of("b.example")) + tlv(proxy_tlv::kAlpn, bytes_of("h2")) +
                      tlv(proxy_tlv::kUniqueId, Bytes(128, 7)) + tlv(proxy_tlv::kSsl, ssl) + tlv(proxy_tlv::kAws, {}) +
                      tlv(proxy_tlv::kNetworkNamespace, bytes_of("blue")) + tlv(proxy_tlv::kAws, bytes_of("\2x")) +
                      tlv(proxy_tlv::kAws, bytes_of("\1vpce-08d2bf15fac5001c9")) + tlv(0xee, {});
  const Bytes header_bytes = proxy_v2(0x21, 0x11, block);
  const ProxyHeader header = check_complete(header_bytes, bytes_of("x"));
  const auto text = [&](uint8_t type) {
    const auto value = find_proxy_tlv(header.tlvs, type);
    return value ? std::string(value->begin(), value->end()) : "missing";
  };
  CHECK_EQUAL(text(proxy_tlv::kAuthority), "a.example");
  CHECK_EQUAL(text(proxy_tlv::kAlpn), "h2");
  CHECK_EQUAL(text(proxy_tlv::kNetworkNamespace), "blue");
  CHECK_EQUAL(text(0xee), "");
  CHECK_EQUAL(text(0xef), "missing");
  const auto endpoint_id = find_vpc_endpoint(header.tlvs);
  CHECK(endpoint_id && same(*endpoint_id, bytes_of("vpce-08d2bf15fac5001c9")));
  CHECK(!find_vpc_endpoint(tlv(proxy_tlv::kAws, bytes_of("\2x"))));
  const auto read = read_proxy_ssl(*find_proxy_tlv(header.tlvs, proxy_tlv::kSsl));
  REQUIRE(read.has_value());
  CHECK_EQUAL(read->client, 7);
  CHECK_EQUAL(read->verify, 1U);
  CHECK(same(*find_proxy_tlv(read->tlvs, proxy_tlv::kSslCommonName), bytes_of("client")));
  CHECK(encode(header) == header_bytes);
}

TEST("TLVs that do not fit into what holds them are refused") {
  const Bytes bad[] = {
      {0x04},
      {0x04, 0x00},
      tlv(0xe0, {}, 1),
      tlv(0xe0, Bytes(10), 11),
      tlv(0xe0, Bytes(10), 0xffff),
      tlv(0xe0, Bytes(10), 9),  // what follows is a vector without its length
      tlv(proxy_tlv::kSsl, Bytes(4)),
      tlv(proxy_tlv::kSsl, Bytes(5) + tlv(0x21, Bytes(3), 4)),
      tlv(proxy_tlv::kSsl, Bytes(6)),
  };
  for (const Bytes& block : bad) check_refused(proxy_v2(0x21, 0x11, kIpv4Block + block), ProxyFault::kTlvLength);
  const Bytes unique = tlv(proxy_tlv::kUniqueId, Bytes(129));
  check_refused(proxy_v2(0x21, 0x11, kIpv4Block + unique), ProxyFault::kUniqueId);
}

TEST("the checksum is that of the whole header: one bit that is turned over is found") {
  Bytes stream = with_checksum(proxy_v2(0x21, 0x11, kIpv4Block + tlv(proxy_tlv::kAuthority, bytes_of("a.example"))));
  check_complete(stream, bytes_of("x"));
  for (size_t bit = 8 * kProxyV2HeadBytes; bit < 8 * stream.size(); bit++) {
    stream[bit / 8] ^= static_cast<uint8_t>(1U << bit % 8);
    ProxyHeader header;
    const ProxyVerdict verdict = decode(stream, header);
    // In the type or the length of the vector itself it is no checksum any more, or no vector.
    const bool hidden = bit / 8 >= stream.size() - 7 && bit / 8 < stream.size() - 4;
    if (!hidden && verdict.fault != ProxyFault::kTlvLength) CHECK_EQUAL(verdict.fault, ProxyFault::kChecksum);
    stream[bit / 8] ^= static_cast<uint8_t>(1U << bit % 8);
  }
  for (const size_t size : {size_t{0}, size_t{3}, size_t{5}}) {
    check_refused(proxy_v2(0x21, 0x11, kIpv4Block + tlv(proxy_tlv::kChecksum, Bytes(size))), ProxyFault::kChecksum);
  }
  check_refused(with_checksum(stream), ProxyFault::kChecksum);
}

TEST("every cut of a header needs more") {
  const Bytes streams[] = {with_checksum(proxy_v2(0x21, 0x21, kIpv6Block)),
                           bytes_of("PROXY TCP4 192.168.0.1 192.168.0.11 56324 443\r\n")};
  for (const Bytes& stream : streams) {
    for (size_t size = 0; size < stream.size(); size++) {
      const Bytes part(stream.begin(), stream.begin() + static_cast<std::ptrdiff_t>(size));
      ProxyHeader header;
      CHECK_EQUAL(decode(part, header).status, ProxyStatus::kMore);
    }
  }
}

TEST("encoded headers are decoded to what they were made of") {
  ProxyHeader header;
  header.source = endpoint("2001:db8::1", 1);
  header.destination = endpoint("192.0.2.7", 65535);
  for (const uint8_t version : {uint8_t{1}, uint8_t{2}}) {
    header.version = version;
    const ProxyHeader decoded = check_complete(encode(header), bytes_of("x"));
    CHECK(same(decoded, header));
  }
  CHECK(encode(header, true) == with_checksum(encode(header)));
  header.version = 1;
  CHECK(encode(header) == bytes_of("PROXY TCP6 2001:db8::1 ::ffff:192.0.2.7 1 65535\r\n"));
  header.source = endpoint("192.0.2.1", 0);
  CHECK(encode(header) == bytes_of("PROXY TCP4 192.0.2.1 192.0.2.7 0 65535\r\n"));
}

TEST("what has no addresses is encoded without, in both versions") {
  ProxyHeader local;
  local.source = local.destination = endpoint("192.0.2.1", 1);
  local.command = ProxyCommand::kLocal;
  CHECK(encode(local) == proxy_v2(0x20, 0x00, {}));
  CHECK(encode(local, true) == with_checksum(proxy_v2(0x20, 0x00, {})));
  ProxyHeader unknown;
  CHECK(encode(unknown) == proxy_v2(0x21, 0x00, {}));
  unknown.source = endpoint("192.0.2.1", 1);
  CHECK(encode(unknown) == proxy_v2(0x21, 0x00, {}));
  ProxyHeader datagram;
  datagram.source = datagram.destination = endpoint("192.0.2.1", 1);
  datagram.transport = ProxyTransport::kDatagram;
  for (ProxyHeader* header : {&local, &unknown, &datagram}) {
    header->version = 1;
    CHECK(encode(*header) == bytes_of("PROXY UNKNOWN\r\n"));
  }
}

TEST("the encoder writes a whole header or nothing") {
  ProxyHeader header;
  header.source = header.destination = endpoint("2001:db8::1", 443);
  const Bytes value = tlv(proxy_tlv::kAuthority, bytes_of("a.example"));
  header.tlvs = value;
  for (const uint8_t version : {uint8_t{1}, uint8_t{2}}) {
    header.version = version;
    const size_t needed = encode(header, true).size();
    for (size_t room = 0; room < needed; room++) CHECK(encode(header, true, room).empty());
    CHECK_EQUAL(encode(header, true, needed).size(), needed);
  }
  const Bytes longest(0x10000);
  for (const auto& [size, fits] :
       {std::pair(size_t{0xffff - 36 - 3}, true), {size_t{0xffff - 36 - 2}, false}, {longest.size(), false}}) {
    const ProxyTlv tlvs[] = {{0xe0, std::span(longest).first(size)}};
    Bytes into(2 * kMostProxyV2Bytes);
    CHECK_EQUAL(encode_proxy_v2(header, tlvs, false, into), fits ? kMostProxyV2Bytes : 0);
  }
}

TEST("bytes that are changed at random: one verdict at every split") {
  Random random(32);
  const Bytes ssl = Bytes(5) + tlv(proxy_tlv::kSslVersion, bytes_of("TLSv1.3"));
  const Bytes seeds[] = {with_checksum(proxy_v2(0x21, 0x11, kIpv4Block + tlv(proxy_tlv::kSsl, ssl))),
                         proxy_v2(0x21, 0x21, kIpv6Block + tlv(proxy_tlv::kUniqueId, Bytes(9))),
                         proxy_v2(0x20, 0x00, Bytes(20)),
                         bytes_of("PROXY TCP4 192.0.2.1 198.51.100.2 1234 443\r\nGET /"),
                         bytes_of("PROXY TCP6 2001:db8::1 ::ffff:192.0.2.1 1234 443\r\n")};
  for (unsigned round = 0; round < 4'000; round++) {
    Bytes stream = seeds[round % std::size(seeds)];
    for (uint64_t changes = random.below(4); changes > 0; changes--) {
      const uint8_t telling[] = {'\r', '\n', ' ', '0', ':', '.'};
      const auto any = static_cast<uint8_t>(random.next());
      stream[random.below(stream.size())] = random.chance(50) ? any : telling[random.below(std::size(telling))];
    }
    const ProxyVerdict verdict = decode_split(stream, 64 + random.below(100));
    CHECK_EQUAL(verdict.status == ProxyStatus::kRefused, verdict.fault != ProxyFault::kNone);
  }
}

TEST_MAIN
