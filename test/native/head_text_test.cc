// Keys in the heads of protocols of lines: HTTP, SIP, SSH, and the inline commands of Redis.
#include "protocol/http_head.h"
#include "protocol/redis_auth.h"
#include "protocol/sip.h"
#include "protocol/ssh.h"
#include "support/head.h"

using namespace limpet;
using namespace limpet::test;

namespace {

Parser cookie(const char* name) {
  return [name](Bytes head) { return http_cookie(head, name); };
}

Parser header(const char* name) {
  return [name](Bytes head) { return http_header(head, name); };
}

const std::string kRequest = "GET /a/b?c=d HTTP/1.1\r\nHost: a.example\r\n";

}  // namespace

TEST("http cookie is found by its name") {
  check_found(cookie("id"), kRequest + "Cookie: a=1; id=x7; b=2\r\n\r\n", "x7");
  check_found(cookie("id"), kRequest + "cookie:id=x7\r\n", "x7");
  check_found(cookie("id"), kRequest + "Cookie: a=1\r\nCookie: id=\"x 7\"\r\n\r\n", "\"x 7\"");
  check_found(cookie("id"), "POST / HTTP/1.0\nCookie: id=x=7\n\n", "x=7");
  // The first one that has a value.
  check_found(cookie("id"), kRequest + "Cookie: id=; id=1; id=2\r\n\r\n", "1");
}

TEST("http cookie is missing where there is none") {
  check_missing(cookie("id"), kRequest + "\r\n");
  check_missing(cookie("id"), kRequest + "Cookie: ID=1; xid=2; id\r\n\r\n");
  check_missing(cookie("id"), kRequest + "Cookies: id=1\r\n\r\nCookie: id=2\r\n");
  check_missing(cookie("id"), kRequest + "no field\r\nCookie: id=1\r\n\r\n");
  check_more(cookie("id"), kRequest + "Cookie: id=1");
  check_more(cookie("id"), "");
}

TEST("http header is found whatever the letters") {
  check_found(header("x-user"), kRequest + "X-User: \t ann \r\n\r\n", "ann");
  check_found(header("X-USER"), kRequest + "x-user:ann\r\n", "ann");
  check_missing(header("x-user"), kRequest + "x-user: \r\n\r\n");
  check_missing(header("x-user"), kRequest + "x-user : ann\r\n\r\n");
  check_missing(header("x-user"), kRequest + "a: b\r\n x-user: ann\r\n\r\n");
}

TEST("http path has no query") {
  check_found(http_path, kRequest, "/a/b");
  check_found(http_path, "GET http://a.example/x?y HTTP/1.1\r\n", "/x");
  check_found(http_path, "GET http://a.example HTTP/1.1\r\n", "/");
  check_found(http_path, "OPTIONS * HTTP/1.1\r\n", "*");
  check_missing(http_path, "CONNECT a.example:443 HTTP/1.1\r\n");
  check_missing(http_path, "GET /a b HTTP/1.1\r\n");
}

TEST("other protocols are told from http early") {
  check_missing(http_path, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
  CHECK_EQUAL(http_path(bytes_of("\x16\x03")).verdict, Verdict::kMissing);
  CHECK_EQUAL(http_path(bytes_of("(no method)")).verdict, Verdict::kMissing);
  CHECK_EQUAL(http_path(bytes_of(std::string(33, 'A'))).verdict, Verdict::kMissing);
  CHECK_EQUAL(http_path(bytes_of(" / HTTP/1.1")).verdict, Verdict::kMissing);
  check_missing(http_path, "GET / HTTP/1.1 \r\n\r\n");
  check_missing(http_path, "GET /\r\n");
}

TEST("sip call id is found in both forms") {
  const std::string invite = "INVITE sip:bob@b.example SIP/2.0\r\nVia: SIP/2.0/TCP a.example\r\n";
  check_found(sip_call_id, invite + "Call-ID: a84b4c76e66710@pc33\r\n\r\n", "a84b4c76e66710@pc33");
  check_found(sip_call_id, invite + "i : 7@x\r\n", "7@x");
  check_found(sip_call_id, "SIP/2.0 200 OK\r\nCALL-ID:7\r\n\r\n", "7");
  check_found(sip_call_id, "\r\n\r\n\r\nOPTIONS sip:x SIP/2.0\r\ni: 1\r\n", "1");
  check_missing(sip_call_id, invite + "\r\n");
  check_missing(sip_call_id, "GET / HTTP/1.1\r\ni: 1\r\n\r\n");
  check_missing(sip_call_id, "SIP/3.0 200 OK\r\n");
  check_more(sip_call_id, invite + "Call-ID: a");
  check_more(sip_call_id, "\r\n\r\n");
}

TEST("ssh version is the first line") {
  check_found(ssh_version, "SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n\x01", "SSH-2.0-OpenSSH_9.2p1 Debian-2");
  check_found(ssh_version, "SSH-2.0-x\n", "SSH-2.0-x");
  check_missing(ssh_version, "SSX");
  check_missing(ssh_version, "SSH-" + std::string(252, 'a') + "\n");
  check_more(ssh_version, "SSH-2.0");
}

TEST("redis auth names who logs in") {
  check_found(redis_auth, "*3\r\n$4\r\nAUTH\r\n$3\r\nann\r\n$2\r\npw\r\n", "ann");
  check_found(redis_auth, "*2\r\n$4\r\nauth\r\n$4\r\na\r\nb\r\n", "a\r\nb");
  check_found(redis_auth, "*5\r\n$5\r\nHELLO\r\n$1\r\n3\r\n$4\r\nAUTH\r\n$3\r\nann\r\n$2\r\npw\r\n", "ann");
  check_found(redis_auth,
              "*7\r\n$5\r\nHELLO\r\n$1\r\n3\r\n$7\r\nSETNAME\r\n$1\r\nx\r\n$4\r\nAUTH\r\n$3\r\nann\r\n$2\r\npw\r\n",
              "ann");
  check_found(redis_auth, "AUTH  ann pw\r\n", "ann");
  check_found(redis_auth, "auth pw\n", "pw");
}

TEST("redis auth is missing behind another command") {
  check_missing(redis_auth, "*2\r\n$3\r\nGET\r\n$1\r\na\r\n");
  check_missing(redis_auth, "*1\r\n$4\r\nPING\r\n");
  check_missing(redis_auth, "*2\r\n$5\r\nHELLO\r\n$1\r\n3\r\n");
  check_missing(redis_auth, "*3\r\n$4\r\nAUTH\r\n$0\r\n\r\n$2\r\npw\r\n");
  check_missing(redis_auth, "*2\r\n$4\r\nAUTH\r\n$99999999\r\n");
  check_missing(redis_auth, "*2\r\n$4\r\nAUTH\r\n$2\r\nabc\r\n");
  check_missing(redis_auth, "*999999\r\n");
  check_missing(redis_auth, "*-1\r\n");
  check_missing(redis_auth, "*x\r\n");
  check_missing(redis_auth, "PING\r\n");
  check_missing(redis_auth, "auth\r\n");
  check_missing(redis_auth, "authenticate me\r\n");
  check_more(redis_auth, "*3\r\n$4\r\nAUTH\r\n$3\r\nann\r\n$2\r\np");
}

TEST_MAIN
