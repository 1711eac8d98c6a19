// The only folder that includes napi.h: what crosses to JavaScript and how. The shapes are in src/native.ts.
#include <napi.h>

#include <algorithm>
#include <cerrno>
#ifndef _WIN32
#include <sys/file.h>
#endif

#include "address_filter_wrap.h"
#include "call.h"
#include "env_state.h"
#include "head_keys_wrap.h"
#include "placement_wrap.h"
#include "pool_wrap.h"
#include "proxy_protocol_wrap.h"
#include "route_rules_wrap.h"
#include "stick_table_wrap.h"
#ifdef __linux__
#include "../relay/destination.h"
#include "../relay/listen_socket.h"
#include "os.h"
#include "relay_wrap.h"
#endif
#include "../relay/fd_budget.h"

#ifndef LIMPET_VERSION
#error "binding.gyp defines LIMPET_VERSION: the loader compares it with the package's"
#endif

namespace limpet {

EnvState::EnvState(Napi::Env env) {
  // Before finalizers, and while the environment still stands: no thread of ours outlives it.
  env.AddCleanupHook(
      [](EnvState* state) {
        while (!state->running.empty()) (*state->running.begin())->stop_threads();
        FdBudget::process().give(state->descriptors);
      },
      this);
}

namespace {

napi_value fd_budget_init(Call& call) {
  FdBudget::process().init();
  return call.of(static_cast<double>(FdBudget::process().limit()));
}

napi_value fd_budget_take(Call& call) {
  const uint32_t count = call.u32(0);
  const bool taken = FdBudget::process().take(count);
  if (taken) EnvState::of(call.env()).descriptors += count;
  return call.of(taken);
}

napi_value fd_budget_give(Call& call) {
  uint32_t& taken = EnvState::of(call.env()).descriptors;
  const uint32_t count = std::min(call.u32(0), taken);
  taken -= count;
  FdBudget::process().give(count);
  return nullptr;
}

napi_value fd_budget_used(Call& call) { return call.of(static_cast<double>(FdBudget::process().used())); }

napi_value fd_budget_limit(Call& call) { return call.of(static_cast<double>(FdBudget::process().limit())); }

napi_value text_of_key(Call& call) {
  const auto address = call.address(0);
  if (!address) return call.null();
  const KeyRules rules = call.prefixes(1);
  return call.of(key_text(make_key(*address, rules), rules));
}

#ifdef __linux__
napi_value set_listen_options(Call& call) {
  const Keepalive keepalive{static_cast<int>(call.u32(1)), static_cast<int>(call.u32(2)), static_cast<int>(call.u32(3)),
                            call.u32(4)};
  const ListenSettings settings{0, false, static_cast<int>(call.u32(5)), static_cast<int>(call.u32(6))};
  return call.of(static_cast<double>(-set_listen_options(static_cast<int>(call.i64(0)), settings, keepalive)));
}

napi_value port_of_destination(Call& call) {
  return call.of(static_cast<double>(destination_port(static_cast<int>(call.i64(0)))));
}
#endif

#ifndef _WIN32
// The lock belongs to the open file: it goes when that is closed, at the latest when the process ends.
napi_value lock_file(Call& call) {
  const bool taken = flock(static_cast<int>(call.i64(0)), LOCK_EX | LOCK_NB) == 0;
  return call.of(taken ? 0.0 : static_cast<double>(-errno));
}
#endif

napi_value make_fd_budget(napi_env env) {
  const Property properties[] = {
      function<fd_budget_init>("init"),          function<fd_budget_take>("take"),
      function<fd_budget_give>("give"),          function_getter<fd_budget_used>("used"),
      function_getter<fd_budget_limit>("limit"),
  };
  napi_value budget = nullptr;
  napi_create_object(env, &budget);
  napi_define_properties(env, budget, std::size(properties), properties);
  return budget;
}

Napi::Object init(Napi::Env env, Napi::Object exports) {
  env.SetInstanceData(new EnvState(env));
  exports.Set("version", LIMPET_VERSION);
  exports.Set("AddressFilter", AddressFilterWrap::define(env));
  exports.Set("HeadKeys", HeadKeysWrap::define(env));
  exports.Set("Pool", PoolWrap::define(env));
  exports.Set("Placement", PlacementWrap::define(env));
  exports.Set("RouteRules", RouteRulesWrap::define(env));
  exports.Set("StickTable", StickTableWrap::define(env));
  exports.Set("fdBudget", Napi::Value(env, make_fd_budget(env)));
  exports.Set("proxy", Napi::Value(env, make_proxy_protocol(env)));
  std::vector<Property> functions{function<text_of_key>("keyText"), function<inspect_table>("inspectTable")};
#ifdef __linux__
  exports.Set("Relay", RelayWrap::define(env));
  exports.Set("os", Napi::Value(env, make_os(env)));
  functions.push_back(function<set_listen_options>("setListenOptions"));
  functions.push_back(function<port_of_destination>("destinationPort"));
#endif
#ifndef _WIN32
  functions.push_back(function<lock_file>("lockFile"));
#endif
  napi_define_properties(env, exports, functions.size(), functions.data());
  return exports;
}

}  // namespace

}  // namespace limpet

static Napi::Object InitAddon(Napi::Env env, Napi::Object exports) { return limpet::init(env, exports); }

NODE_API_MODULE(limpet, InitAddon)
