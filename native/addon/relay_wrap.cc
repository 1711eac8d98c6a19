#include "relay_wrap.h"

#include <cstring>

#include "convert.h"
#include "pool_wrap.h"

namespace limpet {

namespace {

// Worker threads are cheap, but each has an epoch slot and a buffer.
constexpr uint32_t kMostThreads = 64;

}  // namespace

Napi::Function RelayWrap::define(Napi::Env env) {
  return DefineClass(env, "Relay",
                     {
                         InstanceMethod<&RelayWrap::add_pool>("addPool"),
                         InstanceMethod<&RelayWrap::add_listener>("addListener"),
                         InstanceMethod<&RelayWrap::hand_over>("handOver"),
                         InstanceMethod<&RelayWrap::sessions>("sessions"),
                         InstanceMethod<&RelayWrap::cut_sessions>("cutSessions"),
                         InstanceMethod<&RelayWrap::drain_records>("drainRecords"),
                         InstanceMethod<&RelayWrap::stop>("stop"),
                     });
}

RelayWrap::RelayWrap(const Napi::CallbackInfo& info)
    : Napi::ObjectWrap<RelayWrap>(info), state_(&EnvState::of(info.Env())) {
  const uint32_t threads = to_u32(info[0]);
  if (threads < 1 || threads > kMostThreads) {
    misuse(info.Env(), "a relay has 1 to 64 threads");
    return;
  }
  relay_ = std::make_shared<Relay>(state_->domain, threads);
  if (const int error = relay_->start(); error != 0) {
    auto failure = Napi::Error::New(info.Env(), std::string("relay threads: ") + std::strerror(error));
    failure.Set("errno", Napi::Number::New(info.Env(), -error));
    failure.ThrowAsJavaScriptException();
    return;
  }
  state_->running.insert(this);
  const auto& counters = relay_->counters();
  auto object = info.This().As<Napi::Object>();
  object.Set("counters", shared_counters(info.Env(), counters->data(), counters->bytes(), counters));
  object.Set("counterStride", static_cast<double>(counters->bytes() / sizeof(uint64_t) / (threads + 1)));
}

RelayWrap::~RelayWrap() { stop_threads(); }

void RelayWrap::stop_threads() {
  if (relay_) relay_->stop();
  if (state_) state_->running.erase(this);
  state_ = nullptr;
}

Napi::Value RelayWrap::add_pool(const Napi::CallbackInfo& info) {
  auto* const wrap = Napi::ObjectWrap<PoolWrap>::Unwrap(info[0].As<Napi::Object>());
  if (!wrap || !wrap->pool()) return misuse(info.Env(), "the pool is closed");
  const SessionTimeouts timeouts{static_cast<uint64_t>(to_double(info[1])), static_cast<uint64_t>(to_double(info[2])),
                                 static_cast<uint64_t>(to_double(info[3]))};
  const Keepalive keepalive{static_cast<int>(to_u32(info[5])), static_cast<int>(to_u32(info[6])),
                            static_cast<int>(to_u32(info[7])), to_u32(info[8])};
  const unsigned retries = std::min<uint32_t>(to_u32(info[4]), kMaxRetries);
  return Napi::Number::New(info.Env(), relay_->add_pool(wrap->pool(), timeouts, keepalive, retries));
}

Napi::Value RelayWrap::add_listener(const Napi::CallbackInfo& info) {
  const int id = relay_->add_listener(to_u32(info[0]), to_u32(info[1]), info[2].ToBoolean());
  return id < 0 ? misuse(info.Env(), "no such pool") : Napi::Number::New(info.Env(), id);
}

Napi::Value RelayWrap::hand_over(const Napi::CallbackInfo& info) {
  const uint8_t* head = nullptr;
  size_t head_size = 0;
  if (info[2].IsTypedArray()) {
    const auto bytes = info[2].As<Napi::Uint8Array>();
    head = bytes.Data();
    head_size = bytes.ByteLength();
  }
  const int fd = info[1].ToNumber().Int32Value();
  const int status = relay_->hand_over(to_u32(info[0]), fd, head, head_size, info[3].ToBoolean());
  return status < 0 ? misuse(info.Env(), "no such listener") : Napi::Number::New(info.Env(), status);
}

Napi::Value RelayWrap::sessions(const Napi::CallbackInfo& info) {
  const int64_t listener = info[0].ToNumber().Int64Value();
  if (listener < 0) return Napi::Number::New(info.Env(), relay_->sessions());
  const int64_t count = relay_->sessions_of(static_cast<uint32_t>(listener));
  return count < 0 ? misuse(info.Env(), "no such listener") : Napi::Number::New(info.Env(), static_cast<double>(count));
}

Napi::Value RelayWrap::cut_sessions(const Napi::CallbackInfo& info) {
  relay_->cut();
  return info.Env().Undefined();
}

Napi::Value RelayWrap::drain_records(const Napi::CallbackInfo& info) {
  auto into = info[0].As<Napi::Uint8Array>();
  const size_t count = relay_->drain_records(into.Data(), into.ByteLength() / sizeof(SessionRecord));
  return Napi::Number::New(info.Env(), static_cast<double>(count));
}

Napi::Value RelayWrap::stop(const Napi::CallbackInfo& info) {
  stop_threads();
  return info.Env().Undefined();
}

}  // namespace limpet
