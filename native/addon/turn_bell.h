// Tells JavaScript from any thread whose turn it is (WaitingRoom), by a call with the number of its seat's handle.
#pragma once

#include <napi.h>

#include <memory>

#include "../core/wait_queue.h"
#include "call.h"

namespace limpet {

class TurnBell final : public WaitingRoom {
 public:
  // `callback` in argument 0. Null: it is no function, or the environment is ending.
  static std::shared_ptr<TurnBell> make(Call& call);
  // The environment's thread, as soon as nobody waits who has it as his room.
  void close();

  void call(const Waiter& waiter) override;

 private:
  // Null: the environment is ending, or it was closed. It changes on the environment's thread; others read it for
  // waiters, of which there are none then.
  napi_threadsafe_function function_ = nullptr;
};

}  // namespace limpet
