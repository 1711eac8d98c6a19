// The session id in the ServerHello of TLS.
#include "protocol/tls_server_hello.h"
#include "support/head.h"

using namespace limpet;
using namespace limpet::test;
using namespace std::string_literals;

namespace {

const std::string kSession(32, 's');
// unrecognized_name.
const std::string kWarning = "\x15\x03\x03\0\x02\x01\x70"s;

Extraction session_id(Bytes answer) { return tls_server_session_id(answer, scratch()); }

std::string extension(unsigned type, const std::string& data) { return number(type, 2) + with_length(data, 2); }

// renegotiation_info and ALPN, as OpenSSL answers.
const std::string kExtensions =
    extension(0xff01, "\0"s) + extension(16, with_length(with_length("mqtt", 1), 2)) + extension(23, "");

struct Hello {
  std::string session = kSession;
  std::string extensions = kExtensions;
  unsigned version = 0x0303;

  std::string message() const {
    const std::string body = number(version, 2) + std::string(32, 'r') + with_length(session, 1) + number(0xc02b, 2) +
                             number(0, 1) + (extensions.empty() ? "" : with_length(extensions, 2));
    return "\x02" + number(body.size(), 3) + body;
  }
};

// In records of at most `most` bytes.
std::string records(const std::string& messages, size_t most = 1 << 14) {
  std::string text;
  for (size_t at = 0; at < messages.size(); at += most) {
    text += "\x16\x03\x03" + with_length(messages.substr(at, most), 2);
  }
  return text;
}

}  // namespace

TEST("the session id of an answer is found") {
  check_found(session_id, records(Hello{}.message()), kSession);
  check_found(session_id, records(Hello{.session = "x"}.message()), "x");
  check_found(session_id, records(Hello{.extensions = ""}.message()), kSession);
  check_found(session_id, records(Hello{.version = 0x0301}.message()), kSession);
}

TEST("what follows the ServerHello changes nothing") {
  const std::string certificate = "\x0b" + with_length(std::string(1500, 'c'), 3);
  check_found(session_id, records(Hello{}.message() + certificate), kSession);
  check_found(session_id, records(Hello{}.message()) + records(certificate), kSession);
}

TEST("the session id is found wherever the records are cut") {
  for (size_t most = 1; most < 40; most++) check_found(session_id, records(Hello{}.message(), most), kSession);
}

TEST("warnings come before it") {
  check_found(session_id, kWarning + records(Hello{}.message()), kSession);
  check_found(session_id, kWarning + kWarning + records(Hello{}.message()), kSession);
  check_more(session_id, kWarning);
  check_missing(session_id, "\x15\x03\x03\0\x02\x02\x28"s);
  check_missing(session_id, "\x15\x03\x03\0\x1a"s);
  check_missing(session_id, "\x15\x02"s);
}

TEST("what a server of tls 1 3 repeats is no session") {
  const std::string selected = extension(43, number(0x0304, 2));
  check_missing(session_id, records(Hello{.extensions = kExtensions + selected}.message()));
  check_missing(session_id, records(Hello{.extensions = selected + kExtensions}.message()));
  check_missing(session_id, records(Hello{.extensions = selected}.message()));
}

TEST("a server that keeps no session names none") {
  check_missing(session_id, records(Hello{.session = ""}.message()));
}

TEST("another answer has no session") {
  check_missing(session_id, "HTTP/1.1 400 Bad Request\r\n");
  check_missing(session_id, "\x17\x03\x03"s);
  check_missing(session_id, "\x16\x02"s);
  check_missing(session_id, records("\x01" + with_length(std::string(80, 'x'), 3)));
}

TEST("a malformed answer has no session") {
  check_missing(session_id, records(Hello{.session = std::string(33, 's')}.message()));
  check_missing(session_id, records(Hello{.version = 0x0203}.message()));
  check_missing(session_id, records(Hello{.extensions = "\0\x10\0\x09"s}.message()));
  check_missing(session_id, records("\x02" + with_length(number(0x0303, 2) + std::string(32, 'r') + "\x20ss", 3)));
  std::string behind = Hello{}.message() + "x";
  behind[3] = static_cast<char>(behind[3] + 1);
  check_missing(session_id, records(behind));
  check_missing(session_id, records("\x02\xff\xff\xff"));
}

TEST_MAIN
