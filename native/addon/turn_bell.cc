#include "turn_bell.h"

namespace limpet {

namespace {

// On the environment's thread. No environment: it is ending.
void ring(napi_env env, napi_value callback, void*, void* data) {
  if (!env) return;
  napi_value receiver = nullptr;
  napi_value handle = nullptr;
  const auto number = static_cast<double>(reinterpret_cast<uintptr_t>(data));
  if (napi_get_undefined(env, &receiver) != napi_ok || napi_create_double(env, number, &handle) != napi_ok) return;
  napi_call_function(env, receiver, callback, 1, &handle, nullptr);
}

}  // namespace

std::shared_ptr<TurnBell> TurnBell::make(Call& call) {
  auto bell = std::make_shared<TurnBell>();
  // The function's own, so that it can say that it is gone.
  auto* const owner = new std::shared_ptr<TurnBell>(bell);
  const auto finalize = [](napi_env, void* data, void*) {
    auto* const held = static_cast<std::shared_ptr<TurnBell>*>(data);
    (*held)->function_ = nullptr;
    delete held;
  };
  const auto status =
      napi_create_threadsafe_function(call.env(), call.argument(0), nullptr, call.of(std::string_view("limpet")), 0, 1,
                                      owner, finalize, nullptr, ring, &bell->function_);
  if (status != napi_ok) {
    delete owner;
    return nullptr;
  }
  // Clients that wait keep no process alive, as little as sessions do.
  napi_unref_threadsafe_function(call.env(), bell->function_);
  return bell;
}

void TurnBell::close() {
  if (function_) napi_release_threadsafe_function(function_, napi_tsfn_abort);
  function_ = nullptr;
}

void TurnBell::call(const Waiter& waiter) {
  // napi_closing: the environment is ending, and whoever waits in it with it.
  if (function_) {
    napi_call_threadsafe_function(function_, reinterpret_cast<void*>(uintptr_t{waiter.place}), napi_tsfn_nonblocking);
  }
}

}  // namespace limpet
