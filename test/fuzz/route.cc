// Routes: whatever is said and however it is split, the choice is final, is of a rule whose port is right, and is made
// when nothing more is waited for. Input: the rules, the port, then the head.
#include <algorithm>
#include <memory>

#include "input.h"
#include "protocol/route_rules.h"

using namespace limpet;
using limpet::fuzz::Input;

namespace {

const auto kScratch = std::make_unique<Scratch>();
constexpr uint16_t kPorts[] = {0, 1, 443, 65535};

std::vector<RouteRule> rules_of(Input& input) {
  static constexpr const char* kNames[] = {"", "a.example", "*.example", "*.a.example"};
  static constexpr const char* kProtocols[] = {"", "h2", "mqtt"};
  std::vector<RouteRule> rules(input.below(4));
  for (RouteRule& rule : rules) {
    rule = {input.one_of(kNames), input.one_of(kProtocols), input.one_of(kPorts),
            static_cast<uint32_t>(&rule - &rules[0])};
  }
  return rules;
}

void check_final(const RouteChoice& early, const RouteChoice& whole) {
  if (early.verdict == Verdict::kMore) return;
  EXPECT_EQUAL(early.verdict, whole.verdict);
  EXPECT_EQUAL(early.place, whole.place);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Input input(data, size);
  const RouteRules rules(rules_of(input));
  const uint16_t port = input.one_of(kPorts);
  const Bytes head = input.rest();
  const RouteChoice whole = rules.choose(head, false, port, *kScratch);
  const RouteChoice ended = rules.choose(head, true, port, *kScratch);
  EXPECT(ended.verdict != Verdict::kMore);
  check_final(whole, ended);
  if (ended.verdict == Verdict::kFound) {
    EXPECT(ended.place < rules.rules().size());
    const uint16_t wanted = rules.rules()[ended.place].port;
    EXPECT(wanted == 0 || wanted == port);
  }
  for (size_t end = 0; end < head.size(); end++) {
    const std::vector<uint8_t> part(head.begin(), head.begin() + static_cast<std::ptrdiff_t>(end));
    check_final(rules.choose(part, false, port, *kScratch), whole);
  }
  return 0;
}
