// The class `Pool`: see NativePool in src/native.ts.
#pragma once

#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "../core/pool.h"
#include "call.h"
#include "env_state.h"
#include "turn_bell.h"

namespace limpet {

// inspectTable of the addon.
napi_value inspect_table(Call& call);

class PoolWrap : public Napi::ObjectWrap<PoolWrap> {
 public:
  static Napi::Function define(Napi::Env env);
  explicit PoolWrap(const Napi::CallbackInfo& info);
  ~PoolWrap() override { empty_queue(); }

  const std::shared_ptr<Pool>& pool() const { return pool_; }

 private:
  void make(Call& call);
  bool make_in_file(Call& call, const PoolRules& rules, const std::string& path);
  napi_value set_backend(Call& call);
  napi_value remove_backend(Call& call);
  napi_value publish(Call& call);
  napi_value set_limits(Call& call);
  napi_value inherit(Call& call);
  napi_value set_peer_sessions(Call& call);
  napi_value pick(Call& call);
  napi_value knows(Call& call);
  napi_value learn(Call& call);
  napi_value redispatch(Call& call);
  napi_value on_turn(Call& call);
  napi_value take_turn(Call& call);
  napi_value stop_waiting(Call& call);
  napi_value admit(Call& call);
  napi_value serves_still(Call& call);
  napi_value confirm(Call& call);
  napi_value answered(Call& call);
  napi_value release(Call& call);
  napi_value explain(Call& call);
  napi_value place_of(Call& call);
  napi_value homes(Call& call);
  napi_value read_backends(Call& call);
  napi_value take_failures(Call& call);
  napi_value read_bounds(Call& call);
  napi_value count_pins(Call& call);
  napi_value gauges(Call& call);
  napi_value list_pins(Call& call);
  napi_value pin_of(Call& call);
  napi_value set_pin(Call& call);
  napi_value erase_pin(Call& call);
  napi_value erase_pins(Call& call);
  // pool_wrap_exceptions.cc
  napi_value share_exceptions(Call& call);
  napi_value take_exceptions(Call& call);
  napi_value list_exceptions(Call& call);
  napi_value list_becoming(Call& call);
  napi_value share_beside(Call& call);
  bool other_homes(Call& call, size_t at, OtherHomes& homes) const;
  napi_value list_shared(Call& call, FunctionRef<void(uint32_t&, FunctionRef<void(const Exception&)>)> list);
  napi_value adopt(Call& call);
  napi_value survey_keys(Call& call);
  napi_value table_file(Call& call);
  napi_value forget_absent(Call& call);
  napi_value keep_table(Call& call);
  napi_value close(Call& call);

  // A method that throws if the pool is closed.
  template <napi_value (PoolWrap::*Method)(Call&)>
  napi_value open(Call& call) {
    return pool_ ? (this->*Method)(call) : call.failure("the pool is closed");
  }
  template <napi_value (PoolWrap::*Method)(Call&)>
  static Property open_method(const char* name) {
    return method<PoolWrap, &PoolWrap::open<Method>>(name);
  }

  // pool_wrap_keys.cc
  napi_value is_spread(Call& call);
  std::string home_text(const AffinityKey& key) const;
  uint64_t told_apart_by(Call& call, size_t at) const;
  napi_value homes_of_places(Call& call, const AffinityKey& key) const;

  // By index and generation, in two arguments. Null: it is not in the roster.
  const Backend* backend_at(Call& call, size_t at) const;
  // Null: released before, or, with an exception pending, not a handle that pick() gave.
  Seat* seat(Call& call, uint32_t handle);
  uint32_t claim_seat();
  void free_seat(uint32_t handle);
  double packed(uint32_t handle, PickStatus status) const;
  // pool_wrap_queue.cc
  double wait(uint32_t handle);
  void empty_queue();

  // `kWaits - handle`: what picks say of one that waits.
  static constexpr double kWaits = -16;

  EnvState& state_;
  std::string aside_;  // what the name of the file that was set aside ends in; empty: none was
  std::shared_ptr<Pool> pool_;
  struct Held {
    Seat seat;
    bool held;  // false: the handle is free
    bool waits = false;
    Waiter waiter{};  // while it waits
  };
  std::deque<Held> seats_;  // stable addresses; grows with the most picks ever outstanding
  std::vector<uint32_t> free_seats_;
  std::shared_ptr<TurnBell> bell_;  // null: no pick of this pool may wait
};

}  // namespace limpet
