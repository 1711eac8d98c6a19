// The class `Relay`: see NativeRelay in src/native.ts.
#pragma once

#include <napi.h>

#include <memory>

#include "../relay/relay.h"
#include "env_state.h"

namespace limpet {

class RelayWrap : public Napi::ObjectWrap<RelayWrap>, public Stoppable {
 public:
  static Napi::Function define(Napi::Env env);
  explicit RelayWrap(const Napi::CallbackInfo& info);
  ~RelayWrap() override;

  void stop_threads() override;

 private:
  Napi::Value add_pool(const Napi::CallbackInfo& info);
  Napi::Value add_listener(const Napi::CallbackInfo& info);
  Napi::Value hand_over(const Napi::CallbackInfo& info);
  Napi::Value sessions(const Napi::CallbackInfo& info);
  Napi::Value cut_sessions(const Napi::CallbackInfo& info);
  Napi::Value drain_records(const Napi::CallbackInfo& info);
  Napi::Value stop(const Napi::CallbackInfo& info);

  std::shared_ptr<Relay> relay_;
  EnvState* state_;  // null once the relay is stopped
};

}  // namespace limpet
