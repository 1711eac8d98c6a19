// The class `Relay`: see NativeRelay in src/native.ts.
#pragma once

#include <memory>

#include "../relay/relay.h"
#include "call.h"
#include "env_state.h"

namespace limpet {

class RelayWrap : public Napi::ObjectWrap<RelayWrap>, public Stoppable {
 public:
  static Napi::Function define(Napi::Env env);
  explicit RelayWrap(const Napi::CallbackInfo& info);
  ~RelayWrap() override;

  void stop_threads() override;

 private:
  void make(Call& call);
  napi_value add_pool(Call& call);
  napi_value set_outgoing(Call& call);  // relay_wrap_outgoing.cc
  napi_value add_listener(Call& call);
  napi_value set_routes(Call& call);
  napi_value let_go(Call& call);
  napi_value listen(Call& call);
  napi_value adopt(Call& call);
  napi_value share(Call& call);
  napi_value socket_of(Call& call);
  napi_value address(Call& call);
  napi_value accept(Call& call);
  napi_value unlisten(Call& call);
  napi_value set_record(Call& call);
  napi_value set_others(Call& call);
  napi_value hand_over(Call& call);
  napi_value pass_on(Call& call);
  napi_value sessions(Call& call);
  napi_value cut_sessions(Call& call);
  napi_value survey(Call& call);
  napi_value surveyed(Call& call);
  napi_value close_session(Call& call);
  napi_value drain_records(Call& call);
  napi_value stop(Call& call);

  std::shared_ptr<Relay> relay_;
  EnvState* state_;  // null once the relay is stopped
};

}  // namespace limpet
