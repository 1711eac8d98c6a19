// Picks of JavaScript that wait for a seat: see NativePool in src/native.ts.
#include "../relay/clock.h"
#include "pool_wrap.h"

namespace limpet {

napi_value PoolWrap::on_turn(Call& call) {
  bell_ = TurnBell::make(call);
  return nullptr;
}

// The pick found the pool full: its handle waits now, or the status says why not.
double PoolWrap::wait(uint32_t handle) {
  Held& held = seats_[handle];
  held.waiter.room = bell_.get();
  held.waiter.place = handle;
  held.waits = pool_->wait(state_.thread, held.seat, held.waiter, coarse_ms());
  return held.waits ? kWaits - handle : static_cast<double>(PickStatus::kQueueFull);
}

napi_value PoolWrap::take_turn(Call& call) {
  const uint32_t handle = call.u32(0);
  if (!seat(call, handle)) return call.of(static_cast<double>(PickStatus::kNoBackend));
  Held& held = seats_[handle];
  if (!held.waits) return call.misuse("it does not wait");
  const PickStatus status = pool_->take_turn(state_.thread, held.seat, held.waiter, coarse_ms());
  held.waits = status != PickStatus::kOk;
  return call.of(held.waits ? kWaits - handle : packed(handle, status));
}

napi_value PoolWrap::stop_waiting(Call& call) {
  const uint32_t handle = call.u32(0);
  if (!seat(call, handle)) return nullptr;
  Held& held = seats_[handle];
  if (held.waits) pool_->stop_waiting(state_.thread, held.waiter, static_cast<WaitEnd>(call.u32(1)), coarse_ms());
  held.waits = false;
  return nullptr;
}

// Perhaps while the environment is ending: nothing of it is used, and nobody is called afterwards who may be gone.
void PoolWrap::empty_queue() {
  for (Held& held : seats_) {
    if (held.waits) pool_->forget_waiter(held.waiter);
    held.waits = false;
  }
  if (bell_) bell_->close();
  bell_ = nullptr;
}

}  // namespace limpet
