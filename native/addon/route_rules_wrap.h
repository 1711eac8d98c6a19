// The class `RouteRules`: see NativeRouteRules in src/native.ts.
#pragma once

#include <memory>

#include "../protocol/route_rules.h"
#include "call.h"

namespace limpet {

class RouteRulesWrap : public Napi::ObjectWrap<RouteRulesWrap> {
 public:
  static Napi::Function define(Napi::Env env);
  explicit RouteRulesWrap(const Napi::CallbackInfo& info);

  const std::shared_ptr<const RouteRules>& rules() const { return rules_; }

 private:
  void make(Call& call);
  napi_value asks_for_head(Call& call);
  napi_value asks_for_port(Call& call);
  napi_value choose(Call& call);
  napi_value choose_for(Call& call);
  static napi_value place_of(Call& call, const RouteChoice& choice);

  std::shared_ptr<const RouteRules> rules_;
  std::unique_ptr<Scratch> scratch_;  // null: nothing was looked for yet
};

}  // namespace limpet
