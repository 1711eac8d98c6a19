// The only folder that includes napi.h: what crosses to JavaScript and how. The shapes are in src/native.ts.
#include <napi.h>

#include <algorithm>

#include "convert.h"
#include "env_state.h"
#include "placement_wrap.h"
#include "pool_wrap.h"
#include "stick_table_wrap.h"
#ifdef __linux__
#include "../relay/connector.h"
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

Napi::Value fd_budget_init(const Napi::CallbackInfo& info) {
  FdBudget::process().init();
  return Napi::Number::New(info.Env(), FdBudget::process().limit());
}

Napi::Value fd_budget_take(const Napi::CallbackInfo& info) {
  const uint32_t count = to_u32(info[0]);
  const bool taken = FdBudget::process().take(count);
  if (taken) EnvState::of(info.Env()).descriptors += count;
  return Napi::Boolean::New(info.Env(), taken);
}

Napi::Value fd_budget_give(const Napi::CallbackInfo& info) {
  uint32_t& taken = EnvState::of(info.Env()).descriptors;
  const uint32_t count = std::min(to_u32(info[0]), taken);
  taken -= count;
  FdBudget::process().give(count);
  return info.Env().Undefined();
}

Napi::Value fd_budget_used(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), FdBudget::process().used());
}

Napi::Value fd_budget_limit(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), FdBudget::process().limit());
}

Napi::Object make_fd_budget(Napi::Env env) {
  auto budget = Napi::Object::New(env);
  budget.DefineProperties({
      Napi::PropertyDescriptor::Function(env, budget, "init", fd_budget_init),
      Napi::PropertyDescriptor::Function(env, budget, "take", fd_budget_take),
      Napi::PropertyDescriptor::Function(env, budget, "give", fd_budget_give),
      Napi::PropertyDescriptor::Accessor<fd_budget_used>("used"),
      Napi::PropertyDescriptor::Accessor<fd_budget_limit>("limit"),
  });
  return budget;
}

Napi::Value text_of_key(const Napi::CallbackInfo& info) {
  const auto address = read_address(info.Env(), info[0]);
  if (!address) return info.Env().Null();
  KeyRules rules;
  rules.ipv4_prefix = static_cast<uint8_t>(to_u32(info[1]));
  rules.ipv6_prefix = static_cast<uint8_t>(to_u32(info[2]));
  return Napi::String::New(info.Env(), key_text(make_key(*address, rules), rules));
}

#ifdef __linux__
Napi::Value set_listen_options(const Napi::CallbackInfo& info) {
  const Keepalive keepalive{static_cast<int>(to_u32(info[1])), static_cast<int>(to_u32(info[2])),
                            static_cast<int>(to_u32(info[3])), to_u32(info[4])};
  return Napi::Number::New(info.Env(), -set_socket_options(info[0].ToNumber().Int32Value(), keepalive));
}
#endif

Napi::Object init(Napi::Env env, Napi::Object exports) {
  env.SetInstanceData(new EnvState(env));
  exports.Set("version", LIMPET_VERSION);
  exports.Set("Pool", PoolWrap::define(env));
  exports.Set("Placement", PlacementWrap::define(env));
  exports.Set("StickTable", StickTableWrap::define(env));
  exports.Set("fdBudget", make_fd_budget(env));
  exports.Set("keyText", Napi::Function::New(env, text_of_key, "keyText"));
#ifdef __linux__
  exports.Set("Relay", RelayWrap::define(env));
  exports.Set("setListenOptions", Napi::Function::New(env, set_listen_options, "setListenOptions"));
#endif
  return exports;
}

}  // namespace

}  // namespace limpet

static Napi::Object InitAddon(Napi::Env env, Napi::Object exports) { return limpet::init(env, exports); }

NODE_API_MODULE(limpet, InitAddon)
