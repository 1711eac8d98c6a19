#include "route_rules_wrap.h"

namespace limpet {

namespace {

// The numbers are those of RouteVerdict in src/native.ts.
constexpr double kWantsMore = -1;
constexpr double kNoRoute = -2;

}  // namespace

Napi::Function RouteRulesWrap::define(Napi::Env env) {
  return DefineClass(env, "RouteRules",
                     {
                         method<RouteRulesWrap, &RouteRulesWrap::choose>("choose"),
                         method<RouteRulesWrap, &RouteRulesWrap::choose_for>("chooseFor"),
                         getter<RouteRulesWrap, &RouteRulesWrap::asks_for_head>("asksForHead"),
                         getter<RouteRulesWrap, &RouteRulesWrap::asks_for_port>("asksForPort"),
                     });
}

RouteRulesWrap::RouteRulesWrap(const Napi::CallbackInfo& info) : Napi::ObjectWrap<RouteRulesWrap>(info) {
  Call call(info);
  make(call);
}

void RouteRulesWrap::make(Call& call) {
  const auto server_names = call.texts(0);
  const auto protocols = call.texts(1);
  const auto ports = call.words(2);
  const auto places = call.words(3);
  std::vector<RouteRule> rules;
  if (protocols.size() != server_names.size() || ports.size() != server_names.size() ||
      places.size() != server_names.size()) {
    call.misuse("as many of each are needed");
    return;
  }
  for (size_t i = 0; i < places.size(); i++) {
    rules.push_back({server_names[i], protocols[i], static_cast<uint16_t>(ports[i]), places[i]});
  }
  rules_ = std::make_shared<const RouteRules>(std::move(rules));
}

napi_value RouteRulesWrap::asks_for_head(Call& call) { return call.of(rules_->asks_for_head()); }

napi_value RouteRulesWrap::asks_for_port(Call& call) { return call.of(rules_->asks_for_port()); }

napi_value RouteRulesWrap::choose(Call& call) {
  if (!scratch_) scratch_ = std::make_unique<Scratch>();
  const auto port = static_cast<uint16_t>(call.u32(2));
  return place_of(call, rules_->choose(call.bytes(0), call.flag(1), port, *scratch_));
}

napi_value RouteRulesWrap::choose_for(Call& call) {
  return place_of(call, rules_->choose_for(call.text(0), call.text(1), static_cast<uint16_t>(call.u32(2))));
}

napi_value RouteRulesWrap::place_of(Call& call, const RouteChoice& choice) {
  switch (choice.verdict) {
    case Verdict::kFound:
      return call.of(static_cast<double>(choice.place));
    case Verdict::kMore:
      return call.of(kWantsMore);
    case Verdict::kMissing:
      break;
  }
  return call.of(kNoRoute);
}

}  // namespace limpet
