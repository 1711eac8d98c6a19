#include "route_rules.h"

#include "tls_client_hello.h"

namespace limpet {

namespace {

// What a ClientHello asks for, read when the first rule wants to know it.
class Asked {
 public:
  Asked(Bytes head, Scratch& scratch) : head_(head), scratch_(scratch) {}

  Verdict verdict() {
    if (!is_read_) {
      is_read_ = true;
      verdict_ = read_client_hello(head_, scratch_, hello_);
      if (verdict_ == Verdict::kFound) server_name_ = server_name_of(hello_, scratch_);
    }
    return verdict_;
  }
  std::string_view server_name() const { return server_name_; }
  bool offers(std::string_view protocol) const {
    AlpnNames names(hello_);
    std::string_view name;
    while (names.next(name)) {
      if (name == protocol) return true;
    }
    return false;
  }

 private:
  const Bytes head_;
  Scratch& scratch_;
  bool is_read_ = false;
  Verdict verdict_ = Verdict::kMissing;
  ClientHello hello_;
  std::string_view server_name_;
};

bool is_named(std::string_view name, std::string_view wanted) {
  if (!wanted.starts_with("*.")) return name == wanted;
  const std::string_view suffix = wanted.substr(1);
  return name.size() > suffix.size() && name.ends_with(suffix);
}

bool wants_head(const RouteRule& rule) { return !rule.server_name.empty() || !rule.protocol.empty(); }

bool holds(const RouteRule& rule, const Asked& asked) {
  if (!rule.server_name.empty() && !is_named(asked.server_name(), rule.server_name)) return false;
  return rule.protocol.empty() || asked.offers(rule.protocol);
}

}  // namespace

RouteRules::RouteRules(std::vector<RouteRule> rules) : rules_(std::move(rules)) {
  for (const RouteRule& rule : rules_) {
    asks_for_head_ = asks_for_head_ || wants_head(rule);
    asks_for_port_ = asks_for_port_ || rule.port != 0;
  }
}

RouteChoice RouteRules::choose(Bytes head, bool ended, uint16_t port, Scratch& scratch) const {
  Asked asked(head, scratch);
  for (const RouteRule& rule : rules_) {
    if (rule.port != 0 && rule.port != port) continue;
    if (wants_head(rule)) {
      const Verdict verdict = asked.verdict();
      if (verdict == Verdict::kMore && !ended) return {Verdict::kMore, 0};
      if (verdict != Verdict::kFound || !holds(rule, asked)) continue;
    }
    return {Verdict::kFound, rule.place};
  }
  return {Verdict::kMissing, 0};
}

RouteChoice RouteRules::choose_for(std::string_view server_name, std::string_view protocol, uint16_t port) const {
  for (const RouteRule& rule : rules_) {
    if (rule.port != 0 && rule.port != port) continue;
    if (!rule.server_name.empty() && !is_named(server_name, rule.server_name)) continue;
    if (!rule.protocol.empty() && protocol != rule.protocol) continue;
    return {Verdict::kFound, rule.place};
  }
  return {Verdict::kMissing, 0};
}

}  // namespace limpet
