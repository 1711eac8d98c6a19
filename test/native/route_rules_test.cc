// Which rule holds for a client, at every split of what it says.
#include "protocol/route_rules.h"
#include "support/client_hello.h"
#include "support/head.h"

using namespace limpet;
using namespace limpet::test;

namespace {

constexpr uint32_t kNone = 1000;

// The place for the whole text, after every beginning of it was looked at: each wants more, or says the same.
uint32_t place_of(const RouteRules& rules, const std::string& text, uint16_t port = 0, bool ended = false) {
  const RouteChoice whole = rules.choose(bytes_of(text), ended, port, scratch());
  for (size_t size = 0; size < text.size(); size++) {
    const std::vector<uint8_t> part(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(size));
    const RouteChoice early = rules.choose(part, false, port, scratch());
    if (early.verdict == Verdict::kMore) continue;
    CHECK_EQUAL(early.verdict, whole.verdict);
    CHECK_EQUAL(early.place, whole.place);
  }
  CHECK(whole.verdict != Verdict::kMore);
  return whole.verdict == Verdict::kFound ? whole.place : kNone;
}

RouteRule by_name(const std::string& name, uint32_t place) { return {.server_name = name, .place = place}; }
RouteRule by_protocol(const std::string& name, uint32_t place) { return {.protocol = name, .place = place}; }
RouteRule by_port(uint16_t port, uint32_t place) { return {.port = port, .place = place}; }

}  // namespace

TEST("names are compared whole, in any case, and without a last dot") {
  const RouteRules rules({by_name("a.example", 1), by_name("b.example", 2)});
  CHECK_EQUAL(place_of(rules, client_hello("a.example")), 1U);
  CHECK_EQUAL(place_of(rules, client_hello("B.Example.")), 2U);
  CHECK_EQUAL(place_of(rules, client_hello("xa.example")), kNone);
  CHECK_EQUAL(place_of(rules, client_hello("a.example.com")), kNone);
  CHECK_EQUAL(place_of(rules, client_hello("")), kNone);
}

TEST("a name with a star holds for what is below it, of one label more or several, and not for itself") {
  const RouteRules rules({by_name("*.a.example", 1)});
  CHECK_EQUAL(place_of(rules, client_hello("x.a.example")), 1U);
  CHECK_EQUAL(place_of(rules, client_hello("Y.X.A.Example")), 1U);
  CHECK_EQUAL(place_of(rules, client_hello("a.example")), kNone);
  CHECK_EQUAL(place_of(rules, client_hello("xa.example")), kNone);
  CHECK_EQUAL(place_of(rules, client_hello(".a.example")), kNone);
}

TEST("a protocol is looked for among all that the client offers") {
  const RouteRules rules({by_protocol("mqtt", 1), by_protocol("h2", 2)});
  CHECK_EQUAL(place_of(rules, client_hello("", {"h2", "http/1.1"})), 2U);
  CHECK_EQUAL(place_of(rules, client_hello("", {"h2", "mqtt"})), 1U);
  CHECK_EQUAL(place_of(rules, client_hello("", {"H2", "http/1.1"})), kNone);
  CHECK_EQUAL(place_of(rules, client_hello("x")), kNone);
}

TEST("the first rule whose conditions all hold decides") {
  const RouteRules rules({{.server_name = "a.example", .protocol = "h2", .port = 7201, .place = 1},
                          {.server_name = "a.example", .protocol = "h2", .place = 2},
                          by_name("*.example", 3),
                          {.place = 4}});
  CHECK_EQUAL(place_of(rules, client_hello("a.example", {"h2"}), 7201), 1U);
  CHECK_EQUAL(place_of(rules, client_hello("a.example", {"h2"}), 7200), 2U);
  CHECK_EQUAL(place_of(rules, client_hello("a.example"), 7201), 3U);
  CHECK_EQUAL(place_of(rules, client_hello("b.other", {"h2"}), 7201), 4U);
}

TEST("what is no TLS is told by its first byte, and goes where nothing is asked") {
  const RouteRules rules({by_name("a.example", 1), {.place = 2}});
  CHECK_EQUAL(rules.choose(bytes_of("G"), false, 0, scratch()).place, 2U);
  CHECK_EQUAL(rules.choose(bytes_of(""), false, 0, scratch()).verdict, Verdict::kMore);
  CHECK_EQUAL(rules.choose(bytes_of(""), true, 0, scratch()).place, 2U);
  const std::string hello = client_hello("a.example");
  CHECK_EQUAL(rules.choose(bytes_of(hello.substr(0, hello.size() - 1)), true, 0, scratch()).place, 2U);
}

TEST("a port is known before anything is said") {
  const RouteRules rules({by_port(7201, 1), by_name("a.example", 2), by_port(7202, 3)});
  CHECK(rules.asks_for_head() && rules.asks_for_port());
  CHECK_EQUAL(rules.choose({}, false, 7201, scratch()).place, 1U);
  // It would be known, too, and a rule stands before it.
  CHECK_EQUAL(rules.choose({}, false, 7202, scratch()).verdict, Verdict::kMore);
  CHECK_EQUAL(place_of(rules, "GET /", 7202), 3U);
  CHECK_EQUAL(place_of(rules, "GET /", 7203), kNone);
  const RouteRules ports({by_port(7201, 1), {.place = 2}});
  CHECK(!ports.asks_for_head());
  CHECK_EQUAL(ports.choose({}, false, 0, scratch()).place, 2U);
}

TEST("the name and the protocol of TLS that was ended are known") {
  const RouteRules rules({by_name("*.example", 1), {.protocol = "mqtt", .port = 7201, .place = 2}, by_port(7202, 3)});
  CHECK_EQUAL(rules.choose_for("a.example", "", 0).place, 1U);
  CHECK_EQUAL(rules.choose_for("example", "mqtt", 7201).place, 2U);
  CHECK_EQUAL(rules.choose_for("", "", 7202).place, 3U);
  CHECK(rules.choose_for("example", "h2", 7201).verdict == Verdict::kMissing);
  CHECK(rules.choose_for("", "mqtt", 7200).verdict == Verdict::kMissing);
}

TEST_MAIN
