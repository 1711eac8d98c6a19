// What belongs to one JavaScript environment (the main thread, or a worker thread that loaded the addon again). Nothing
// mutable is global but the descriptor budget, which is the process's.
#pragma once

#include <napi.h>

#include <memory>
#include <set>

#include "../core/epoch.h"

namespace limpet {

class Stoppable {
 public:
  virtual void stop_threads() = 0;

 protected:
  ~Stoppable() = default;
};

struct EnvState {
  explicit EnvState(Napi::Env env);
  EnvState(const EnvState&) = delete;
  EnvState& operator=(const EnvState&) = delete;

  static EnvState& of(Napi::Env env) { return *env.GetInstanceData<EnvState>(); }

  const std::shared_ptr<EpochDomain> domain = std::make_shared<EpochDomain>();
  // The JavaScript thread. It publishes all rosters of this environment, so its picks need no pin.
  EpochThread thread{*domain};
  // Taken from the process's budget by this environment's JavaScript, for the stream relay; given back when it ends,
  // because its sockets are closed then without anybody being told.
  uint32_t descriptors = 0;
  // Relays with threads: joined in the clean-up hook, which runs before finalizers and before the environment is gone.
  std::set<Stoppable*> running;
};

}  // namespace limpet
