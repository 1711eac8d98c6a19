// The class `Pool`: see NativePool in src/native.ts.
#pragma once

#include <napi.h>

#include <deque>
#include <memory>
#include <vector>

#include "../core/pool.h"
#include "env_state.h"

namespace limpet {

class PoolWrap : public Napi::ObjectWrap<PoolWrap> {
 public:
  static Napi::Function define(Napi::Env env);
  explicit PoolWrap(const Napi::CallbackInfo& info);

  const std::shared_ptr<Pool>& pool() const { return pool_; }

 private:
  Napi::Value set_backend(const Napi::CallbackInfo& info);
  Napi::Value remove_backend(const Napi::CallbackInfo& info);
  Napi::Value publish(const Napi::CallbackInfo& info);
  // The two calls of a pick without a connection, on bare Node-API: a CallbackInfo costs as much as half the pick.
  static napi_value pick(napi_env env, napi_callback_info info);
  static napi_value release(napi_env env, napi_callback_info info);
  Napi::Value redispatch(const Napi::CallbackInfo& info);
  Napi::Value confirm(const Napi::CallbackInfo& info);
  Napi::Value explain(const Napi::CallbackInfo& info);
  Napi::Value homes(const Napi::CallbackInfo& info);
  Napi::Value read_backends(const Napi::CallbackInfo& info);
  Napi::Value gauges(const Napi::CallbackInfo& info);
  Napi::Value close(const Napi::CallbackInfo& info);

  // Null, with an exception pending: `this` is no pool, or a closed one. `arguments` gets `count` of them, undefined
  // ones for those that are missing.
  static PoolWrap* receiver(napi_env env, napi_callback_info info, size_t count, napi_value* arguments);
  bool closed(Napi::Env env) const;
  Seat* seat(napi_env env, uint32_t handle);
  uint32_t claim_seat();
  void free_seat(uint32_t handle);
  double packed(uint32_t handle, PickStatus status) const;

  EnvState& state_;
  std::shared_ptr<Pool> pool_;
  struct Held {
    Seat seat;
    bool held;  // false: the handle is free
  };
  std::deque<Held> seats_;  // stable addresses; grows with the most picks ever outstanding
  std::vector<uint32_t> free_seats_;
};

}  // namespace limpet
