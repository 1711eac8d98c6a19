// Keys in the ClientHello of TLS.
#include "protocol/ja4.h"
#include "protocol/sha256.h"
#include "protocol/tls_client_hello.h"
#include "support/head.h"
#include "support/random.h"

using namespace limpet;
using namespace limpet::test;
using namespace std::string_literals;

namespace {

Extraction sni(Bytes head) { return tls_sni(head, scratch()); }
Extraction alpn(Bytes head) { return tls_alpn(head, scratch()); }
Extraction session_id(Bytes head) { return tls_session_id(head, scratch()); }
Extraction ja4(Bytes head) { return tls_ja4(head, scratch()); }

std::string numbers(const std::vector<unsigned>& values) {
  std::string text;
  for (const unsigned value : values) text += number(value, 2);
  return text;
}

std::string extension(unsigned type, const std::string& data) { return number(type, 2) + with_length(data, 2); }

std::string server_name(const std::string& name) { return extension(0, with_length("\0"s + with_length(name, 2), 2)); }

std::string protocols(const std::vector<std::string>& names) {
  std::string list;
  for (const std::string& name : names) list += with_length(name, 1);
  return extension(16, with_length(list, 2));
}

std::string versions(const std::vector<unsigned>& values) { return extension(43, with_length(numbers(values), 1)); }

struct Hello {
  std::string session;
  std::vector<unsigned> ciphers = {0x1301};
  std::string extensions;

  std::string message() const {
    const std::string body = number(0x0303, 2) + std::string(32, 'r') + with_length(session, 1) +
                             with_length(numbers(ciphers), 2) + with_length("\0"s, 1) +
                             (extensions.empty() ? "" : with_length(extensions, 2));
    return "\x01" + number(body.size(), 3) + body;
  }
  // In records of at most `most` bytes.
  std::string records(size_t most = 1 << 14) const {
    std::string text;
    const std::string all = message();
    for (size_t at = 0; at < all.size(); at += most) {
      text += "\x16\x03\x01" + with_length(all.substr(at, most), 2);
    }
    return text;
  }
};

Hello with(const std::string& extensions) {
  Hello hello;
  hello.extensions = extensions;
  return hello;
}

std::string hex(Bytes bytes) {
  std::string text;
  for (const uint8_t byte : bytes) {
    text += "0123456789abcdef"[byte >> 4];
    text += "0123456789abcdef"[byte & 15];
  }
  return text;
}

}  // namespace

TEST("sni is found in lower case") {
  check_found(sni, with(server_name("Www.A.Example")).records(), "www.a.example");
  check_found(sni, with(server_name("a.example.")).records(), "a.example");
  check_found(sni, with(versions({0x0304}) + protocols({"h2"}) + server_name("a.example")).records() + "more",
              "a.example");
}

TEST("sni is found wherever the records are cut") {
  const Hello hello = with(extension(21, std::string(300, '\0')) + server_name("a.example"));
  for (size_t most = 1; most < 40; most++) check_found(sni, hello.records(most), "a.example");
}

TEST("sni of a hello that is almost too long") {
  const Hello hello = with(extension(21, std::string(60'000, '\0')) + server_name("a.example"));
  const std::string records = hello.records();
  CHECK_EQUAL(sni(bytes_of(records)).key, "a.example");
  CHECK_EQUAL(sni(bytes_of(records).first(records.size() - 1)).verdict, Verdict::kMore);
}

TEST("no sni") {
  check_missing(sni, with("").records());
  check_missing(sni, with(protocols({"h2"})).records());
  check_missing(sni, with(server_name("")).records());
  check_missing(sni, with(server_name(std::string(256, 'a'))).records());
  check_missing(sni, with(extension(0, "\0\x09\0\0\x20"s)).records());
  check_missing(sni, "GET / HTTP/1.1\r\n");
  check_missing(sni, "\x16\x02"s);
  check_missing(sni, "\x16\x03\x01\0\0"s);
  check_missing(sni, "\x16\x03\x01\x40\x01"s);
  check_missing(sni, "\x16\x03\x01\0\x04\x02\0\0\0"s);
  check_missing(sni, "\x16\x03\x01\0\x04\x01\xff\xff\xff"s);
  check_missing(sni, "\x17\x03\x03"s);
}

TEST("a malformed hello has no key") {
  std::string records = with(server_name("a.example")).records();
  // An extension that goes on past the end.
  records[records.size() - 14] = '\x7f';
  check_missing(sni, records);
  Hello odd;
  odd.session = std::string(33, 's');
  check_missing(session_id, odd.records());
  Hello none;
  none.ciphers = {};
  check_missing(ja4, none.records());
  Hello behind = with(server_name("a.example"));
  std::string message = behind.message() + "x";
  message[3] = static_cast<char>(message[3] + 1);
  check_missing(sni, "\x16\x03\x01" + with_length(message, 2));
}

TEST("alpn is what the client likes best") {
  check_found(alpn, with(protocols({"h2", "http/1.1"})).records(), "h2");
  check_found(alpn, with(protocols({"\x0a\x0a", "imap"})).records(), "imap");
  check_missing(alpn, with(server_name("a")).records());
  check_missing(alpn, with(extension(16, number(0, 2))).records());
}

TEST("session id of tls 1 2 only") {
  Hello hello = with(server_name("a.example"));
  hello.session = std::string(32, 's');
  check_found(session_id, hello.records(), hello.session);
  hello.extensions += versions({0x1a1a, 0x0304, 0x0303});
  check_missing(session_id, hello.records());
  check_missing(session_id, with("").records());
}

TEST("ja4 knows a client by what it offers") {
  // The example of the specification, in the order that it gives: Chrome, with GREASE.
  Hello hello;
  hello.ciphers = {0x2a2a, 0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f, 0xc02c, 0xc030,
                   0xcca9, 0xcca8, 0xc013, 0xc014, 0x009c, 0x009d, 0x002f, 0x0035};
  const std::string algorithms =
      extension(13, with_length(numbers({0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0806, 0x0601}), 2));
  hello.extensions = extension(0x3a3a, "") + extension(0x001b, "") + server_name("a.example") + extension(0x0033, "") +
                     protocols({"h2", "http/1.1"}) + extension(0x4469, "") + extension(0x0017, "") +
                     extension(0x002d, "") + algorithms + extension(0x0005, "") + extension(0x0023, "") +
                     extension(0x0012, "") + versions({0x6a6a, 0x0304, 0x0303}) + extension(0xff01, "") +
                     extension(0x000b, "") + extension(0x000a, "") + extension(0x0015, "") + extension(0x7a7a, "");
  check_found(ja4, hello.records(), "t13d1516h2_8daaf6152771_e5627efa2ab1");
}

TEST("ja4 of a client that offers nothing") {
  check_found(ja4, with("").records(), "t12i010000_0f2cb44170f4_000000000000");
}

TEST("sha256 of the standard") {
  const auto sum = [](const std::string& text, size_t part) {
    Sha256 hash;
    for (size_t at = 0; at < text.size(); at += part) hash.add(std::string_view(text).substr(at, part));
    return hex(hash.digest());
  };
  CHECK_EQUAL(sum("", 1), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  CHECK_EQUAL(sum("abc", 1), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  CHECK_EQUAL(sum("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 9),
              "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  CHECK_EQUAL(sum(std::string(1'000'000, 'a'), 997),
              "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST_MAIN
