// Keys in the heads of binary protocols.
#include "protocol/framed.h"
#include "protocol/head_key.h"
#include "protocol/mqtt.h"
#include "protocol/postgres.h"
#include "protocol/proxy_protocol.h"
#include "protocol/rdp.h"
#include "protocol/socks.h"
#include "support/head.h"

using namespace limpet;
using namespace limpet::test;
using namespace std::string_literals;

namespace {

std::string connect_packet(const std::string& protocol, unsigned level, const std::string& behind, unsigned flags = 2) {
  const std::string body = with_length(protocol, 2) + number(level, 1) + number(flags, 1) + number(60, 2) + behind;
  std::string length;
  for (size_t rest = body.size();; rest >>= 7) {
    length += static_cast<char>((rest & 0x7f) | (rest > 0x7f ? 0x80 : 0));
    if (rest <= 0x7f) break;
  }
  return "\x10" + length + body;
}

std::string startup_packet(const std::string& parameters, uint32_t protocol = 0x30000) {
  return number(parameters.size() + 8, 4) + number(protocol, 4) + parameters;
}

Parser parameter(const char* name) {
  return [name](Bytes head) { return postgres_parameter(head, name); };
}

std::string rdp_request(const std::string& line) {
  const std::string x224 = "\xe0\0\0\0\0\0"s + line + "\x01\0\x08\0\x0b\0\0\0"s;
  return "\x03\0"s + number(x224.size() + 5, 2) + number(x224.size(), 1) + x224;
}

Extraction token(Bytes head) { return rdp_token(head, scratch()); }

}  // namespace

TEST("mqtt client id of every version") {
  check_found(mqtt_client_id, connect_packet("MQTT", 4, with_length("meter-7", 2)), "meter-7");
  check_found(mqtt_client_id, connect_packet("MQIsdp", 3, with_length("meter-7", 2)), "meter-7");
  check_found(mqtt_client_id, connect_packet("MQTT", 0x84, with_length("bridge", 2)), "bridge");
  const std::string properties = "\x05\x11\0\0\0\x0a"s;
  check_found(mqtt_client_id, connect_packet("MQTT", 5, properties + with_length("meter-7", 2)), "meter-7");
  // Longer than 127 bytes: its length has two bytes.
  const std::string id(200, 'm');
  check_found(mqtt_client_id, connect_packet("MQTT", 4, with_length(id, 2) + with_length("user", 2)), id);
}

TEST("mqtt without client id") {
  check_missing(mqtt_client_id, connect_packet("MQTT", 4, with_length("", 2)));
  check_missing(mqtt_client_id, connect_packet("MQTT", 6, with_length("x", 2)));
  check_missing(mqtt_client_id, connect_packet("HTTP", 4, with_length("x", 2)));
  check_missing(mqtt_client_id, connect_packet("MQTT", 4, with_length("x", 2), 3));
  // The identifier, or the properties, go on where the packet has ended.
  check_missing(mqtt_client_id, connect_packet("MQTT", 4, number(9, 2) + "short") + "behind it");
  check_missing(mqtt_client_id, connect_packet("MQTT", 5, "\x7f") + "behind it");
  check_missing(mqtt_client_id, "\x10\xff\xff\xff\xff\x01");
  check_missing(mqtt_client_id, "\x20");
  check_more(mqtt_client_id, "\x10\x20");
}

TEST("postgres parameters") {
  const std::string packet = startup_packet("user\0ann\0database\0shop\0application_name\0psql\0\0"s);
  check_found(parameter("user"), packet, "ann");
  check_found(parameter("database"), packet, "shop");
  check_found(parameter("application_name"), packet, "psql");
  check_found(parameter("user"), packet + "more", "ann");
  check_missing(parameter("options"), packet);
  // A value is no name.
  check_missing(parameter("shop"), packet);
}

TEST("postgres database is that of the user unless named") {
  check_found(parameter("database"), startup_packet("user\0ann\0\0"s), "ann");
  check_missing(parameter("database"), startup_packet("\0"s));
}

TEST("postgres requests before the startup packet have no key") {
  for (const uint32_t code : {80877103U, 80877104U}) check_missing(parameter("user"), number(8, 4) + number(code, 4));
  check_missing(parameter("user"), number(16, 4) + number(80877102, 4) + number(1, 8));
  check_missing(parameter("user"), startup_packet("user\0ann\0\0"s, 0x20000));
  check_missing(parameter("user"), number(4, 4));
  check_missing(parameter("user"), number(10'001, 4));
  check_missing(parameter("user"), "GET ");
  check_more(parameter("user"), number(100, 4) + number(0x30000, 4) + "user");
  // Cut off in the middle of a value.
  check_found(parameter("user"), startup_packet("user\0an"s), "an");
}

TEST("rdp cookie and token") {
  check_found(rdp_cookie, rdp_request("Cookie: mstshash=ann\r\n"), "ann");
  check_missing(rdp_cookie, rdp_request("Cookie: msts=3640205228.15629.0000\r\n"));
  check_missing(rdp_cookie, rdp_request(""));
  check_missing(rdp_cookie, rdp_request("Cookie: mstshash=ann"));
  check_missing(rdp_cookie, rdp_request("Cookie: mstshash=\r\n"));
  // As the documentation of F5 and MS-RDPBCGR (3.2.5.3.1) has it.
  check_found(token, rdp_request("Cookie: msts=3640205228.15629.0000\r\n"), "172.31.249.216:3389");
  check_missing(token, rdp_request("Cookie: msts=4294967296.15629.0000\r\n"));
  check_missing(token, rdp_request("Cookie: msts=1.65536.0000\r\n"));
  check_missing(token, rdp_request("Cookie: msts=1\r\n"));
  check_missing(token, rdp_request("Cookie: msts=\r\n"));
  check_missing(token, "\x16\x03");
  check_missing(rdp_cookie, "\x03\0\0\x0b\x06\xd0"s);
  check_missing(rdp_cookie, "\x03\0\0\x05\x06\xe0"s);
}

TEST("socks user of version 4") {
  check_found(socks_user, "\x04\x01\x0d\x3d\x7f\0\0\x01"s + "ann\0"s, "ann");
  check_missing(socks_user, "\x04\x01\x0d\x3d\x7f\0\0\x01\0"s);
  check_missing(socks_user, "\x04\x03"s);
  check_missing(socks_user, "\x05\x01\0"s);
  check_missing(socks_user, "\x04\x01\x0d\x3d\x7f\0\0\x01"s + std::string(256, 'a'));
  check_more(socks_user, "\x04\x01\x0d\x3d\x7f\0\0\x01"s + std::string(255, 'a'));
}

TEST("bytes at a place") {
  const auto four_behind_two = [](Bytes head) { return bytes_at(head, 2, 4); };
  check_found(four_behind_two, "abcdefgh", "cdef");
  check_more(four_behind_two, "abcde");
  check_missing([](Bytes head) { return bytes_at(head, UINT32_MAX, UINT32_MAX); }, "a");
}

TEST("bytes behind their length") {
  const auto behind = [](unsigned size, ByteOrder order) {
    return [size, order](Bytes head) { return length_prefixed(head, 1, size, order); };
  };
  check_found(behind(1, ByteOrder::kBig), "\xff\x03player", "pla");
  check_found(behind(2, ByteOrder::kBig), "\xff\0\x03player"s, "pla");
  check_found(behind(2, ByteOrder::kLittle), "\xff\x03\0player"s, "pla");
  check_found(behind(4, ByteOrder::kLittle), "\xff\x03\0\0\0player"s, "pla");
  check_missing(behind(1, ByteOrder::kBig), "\xff\0player"s);
  check_missing(behind(4, ByteOrder::kBig), "\xff\xff\xff\xff\xff");
  check_more(behind(2, ByteOrder::kBig), "\xff\0\x03pl"s);
}

TEST("first of a list that yields") {
  const std::vector<HeadRecipe> list = {{.source = HeadSource::kTlsSni},
                                        {.source = HeadSource::kHttpCookie, .name = "id"},
                                        {.source = HeadSource::kHttpPath}};
  const auto counts = [](HeadSource, std::string_view found) { return found != "nobody"; };
  const auto key = [&list, &counts](const std::string& text, bool ended) {
    const HeadKey found = first_key(list, {bytes_of(text), ended}, scratch(), counts);
    return std::to_string(static_cast<int>(found.extraction.verdict)) + (found.cut_short ? " cut short " : " ") +
           std::string(found.extraction.key);
  };
  CHECK_EQUAL(key("GET /a HTTP/1.1\r\nCookie: id=7\r\n", false), "1 7");
  // The cookie may still come.
  CHECK_EQUAL(key("GET /a HTTP/1.1\r\n", false), "0 ");
  CHECK_EQUAL(key("GET /a HTTP/1.1\r\n", true), "1 /a");
  CHECK_EQUAL(key("GET /a HTTP/1.1\r\n\r\n", false), "1 /a");
  CHECK_EQUAL(key("GET /a", true), "2 cut short ");
  CHECK_EQUAL(key("SSH-2.0-x\r\n", false), "2 ");
  CHECK_EQUAL(key("", true), "2 cut short ");
}

TEST("keys of a PROXY header need no head, and stand where the list has them") {
  const std::vector<HeadRecipe> list = {{.source = HeadSource::kProxyTlv, .offset = 2},
                                        {.source = HeadSource::kHttpPath},
                                        {.source = HeadSource::kProxySource}};
  const auto key = [&list](const std::string& head, const ProxyHeader* proxy) {
    const HeadKey found =
        first_key(list, {bytes_of(head), false, proxy}, scratch(), [](HeadSource, std::string_view) { return true; });
    return std::to_string(static_cast<int>(found.extraction.verdict)) + (found.is_address ? " address" : " ") +
           std::string(found.extraction.key);
  };
  const std::string tlvs = "\x02\0\x01"s + "a";
  ProxyHeader header;
  CHECK_EQUAL(key("\x16", &header), "2 ");
  header.source = *parse_address("192.0.2.7");
  CHECK_EQUAL(key("", &header), "0 ");
  CHECK_EQUAL(key("\x16", &header), "1 address");
  CHECK_EQUAL(key("GET /a HTTP/1.1\r\n\r\n", &header), "1 /a");
  header.tlvs = bytes_of(tlvs);
  CHECK_EQUAL(key("", &header), "1 a");
  CHECK_EQUAL(key("\x16", nullptr), "2 ");
  header.source.family = ClientAddress::Family::kUnix;
  header.tlvs = {};
  CHECK_EQUAL(key("\x16", &header), "2 ");
}

TEST("recipes are read from their texts") {
  CHECK_EQUAL(parse_recipe("tls.sni")->source, HeadSource::kTlsSni);
  CHECK_EQUAL(parse_recipe("http.cookie:a:b")->name, std::string("a:b"));
  CHECK_EQUAL(parse_recipe("postgres.startup:user")->source, HeadSource::kPostgres);
  CHECK_EQUAL(parse_recipe("bytes:2:4")->length, 4U);
  CHECK_EQUAL(parse_recipe("lengthPrefixed:0:2:little")->order, ByteOrder::kLittle);
  CHECK_EQUAL(parse_recipe("proxy:source")->source, HeadSource::kProxySource);
  CHECK_EQUAL(parse_recipe("proxy:vpcEndpoint")->source, HeadSource::kProxyVpcEndpoint);
  CHECK_EQUAL(parse_recipe("proxy:authority")->offset, 2U);
  CHECK_EQUAL(parse_recipe("proxy:uniqueId")->offset, 5U);
  CHECK_EQUAL(parse_recipe("proxy:255")->source, HeadSource::kProxyTlv);
  for (const char* text : {"", "proxy", "proxy:", "proxy:256", "proxy:-1", "proxy:name", "tls", "tls.sni:", "tls.sni:x",
                           "http.cookie", "http.cookie:", "bytes:1", "bytes:1:0", "bytes:1:2:3", "bytes:-1:2",
                           "lengthPrefixed:0:3:big", "lengthPrefixed:0:2", "lengthPrefixed:0:2:middle"}) {
    if (!CHECK(!parse_recipe(text))) std::fprintf(stderr, "%s\n", text);
  }
}

TEST_MAIN
