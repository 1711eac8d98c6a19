#include "pool_wrap.h"

#include <string>

#include "../relay/clock.h"
#include "../relay/socket_address.h"
#include "convert.h"

namespace limpet {

namespace {

constexpr double kHandleUnit = 1 << 20;
constexpr int kBadAddress = -3;

// Outcome in src/native.ts; 2 is "abandoned".
constexpr uint32_t kServed = 0;
constexpr uint32_t kFailed = 1;

void append_home(std::string& output, std::string_view line, const Pool& pool) {
  output.append(line);
  const auto address = parse_address(line);
  const Roster& roster = pool.roster();
  const Position home = address ? roster.placement->home(pool.place_hash(pool.key(*address))) : kNoPosition;
  output.push_back(' ');
  if (!address) {
    output.push_back('!');
  } else if (home == kNoPosition) {
    output.push_back('-');
  } else {
    output.append(roster.entries[roster.members[home]].backend->name);
  }
  output.push_back('\n');
}

// A method without node-addon-api's wrapping.
Napi::ClassPropertyDescriptor<PoolWrap> bare_method(const char* name, napi_callback method) {
  napi_property_descriptor descriptor{};
  descriptor.utf8name = name;
  descriptor.method = method;
  descriptor.attributes = napi_default_method;
  return descriptor;
}

std::string_view trim(std::string_view line) {
  while (!line.empty() && (line.back() == '\r' || line.back() == ' ' || line.back() == '\t')) line.remove_suffix(1);
  while (!line.empty() && (line.front() == ' ' || line.front() == '\t')) line.remove_prefix(1);
  return line;
}

}  // namespace

Napi::Function PoolWrap::define(Napi::Env env) {
  return DefineClass(env, "Pool",
                     {
                         InstanceMethod<&PoolWrap::set_backend>("setBackend"),
                         InstanceMethod<&PoolWrap::remove_backend>("removeBackend"),
                         InstanceMethod<&PoolWrap::publish>("publish"),
                         bare_method("pick", pick),
                         InstanceMethod<&PoolWrap::redispatch>("redispatch"),
                         InstanceMethod<&PoolWrap::confirm>("confirm"),
                         bare_method("release", release),
                         InstanceMethod<&PoolWrap::explain>("explain"),
                         InstanceMethod<&PoolWrap::homes>("homes"),
                         InstanceMethod<&PoolWrap::read_backends>("readBackends"),
                         InstanceMethod<&PoolWrap::gauges>("gauges"),
                         InstanceMethod<&PoolWrap::close>("close"),
                     });
}

PoolWrap::PoolWrap(const Napi::CallbackInfo& info)
    : Napi::ObjectWrap<PoolWrap>(info), state_(EnvState::of(info.Env())) {
  PoolRules rules;
  rules.placement.kind = static_cast<PlacementKind>(to_u32(info[0]));
  rules.placement.ring_points = to_u32(info[1]);
  rules.bound_milli = to_u32(info[2]);
  if (!read_secret(info[3], rules.placement.secret) || !read_secret(info[4], rules.keys.secret)) {
    misuse(info.Env(), "a secret has 192 bytes");
    return;
  }
  rules.keys.ipv4_prefix = static_cast<uint8_t>(to_u32(info[5]));
  rules.keys.ipv6_prefix = static_cast<uint8_t>(to_u32(info[6]));
  rules.table_size = static_cast<size_t>(to_double(info[7]));
  rules.ttl_ms = static_cast<uint64_t>(to_double(info[8]));
  rules.session_hint = to_u32(info[9]);
  if (!random_secret(rules.table_secret)) {
    Napi::Error::New(info.Env(), "the kernel gave no random bytes").ThrowAsJavaScriptException();
    return;
  }
  if (!state_.thread.ok()) {
    Napi::Error::New(info.Env(), "too many threads").ThrowAsJavaScriptException();
    return;
  }
  pool_ = std::make_shared<Pool>(rules, state_.domain);
  if (!pool_->usable()) {
    Napi::RangeError::New(info.Env(), "no memory for a stick table of this size").ThrowAsJavaScriptException();
    return;
  }
  auto counters = shared_counters(info.Env(), pool_->counters()->data(), pool_->counters()->bytes(), pool_->counters());
  info.This().As<Napi::Object>().Set("counters", counters);
}

bool PoolWrap::closed(Napi::Env env) const {
  if (pool_) return false;
  Napi::Error::New(env, "the pool is closed").ThrowAsJavaScriptException();
  return true;
}

Napi::Value PoolWrap::set_backend(const Napi::CallbackInfo& info) {
  if (closed(info.Env())) return info.Env().Undefined();
  BackendSettings settings;
  settings.weight = to_u32(info[1]);
  settings.max_sessions = to_u32(info[2]);
  settings.state = static_cast<BackendState>(to_u32(info[3]));
  settings.endpoint = make_endpoint(info[4].ToString().Utf8Value(), static_cast<uint16_t>(to_u32(info[5])));
  return Napi::Number::New(info.Env(), pool_->set_backend(info[0].ToString().Utf8Value(), settings));
}

Napi::Value PoolWrap::remove_backend(const Napi::CallbackInfo& info) {
  if (closed(info.Env())) return info.Env().Undefined();
  return Napi::Boolean::New(info.Env(), pool_->remove_backend(info[0].ToString().Utf8Value()));
}

Napi::Value PoolWrap::publish(const Napi::CallbackInfo& info) {
  if (closed(info.Env())) return info.Env().Undefined();
  return Napi::Number::New(info.Env(), static_cast<double>(pool_->publish()));
}

uint32_t PoolWrap::claim_seat() {
  if (free_seats_.empty()) {
    seats_.push_back({Seat{}, true});
    return static_cast<uint32_t>(seats_.size() - 1);
  }
  const uint32_t handle = free_seats_.back();
  free_seats_.pop_back();
  seats_[handle] = {Seat{}, true};
  return handle;
}

void PoolWrap::free_seat(uint32_t handle) {
  seats_[handle].held = false;
  free_seats_.push_back(handle);
}

double PoolWrap::packed(uint32_t handle, PickStatus status) const {
  if (status != PickStatus::kOk) return static_cast<double>(status);
  const Seat& seat = seats_[handle].seat;
  return handle * kHandleUnit + seat.backend->index * 16 + static_cast<unsigned>(seat.reason);
}

PoolWrap* PoolWrap::receiver(napi_env env, napi_callback_info info, size_t count, napi_value* arguments) {
  napi_value self;
  void* wrapped = nullptr;
  if (napi_get_cb_info(env, info, &count, arguments, &self, nullptr) != napi_ok ||
      napi_unwrap(env, self, &wrapped) != napi_ok) {
    misuse(env, "not a pool");
    return nullptr;
  }
  auto* const pool = static_cast<PoolWrap*>(wrapped);
  return pool->closed(env) ? nullptr : pool;
}

napi_value PoolWrap::pick(napi_env env, napi_callback_info info) {
  napi_value text;
  PoolWrap* const self = receiver(env, info, 1, &text);
  if (!self) return nullptr;
  Pool& pool = *self->pool_;
  AffinityKey key;
  double result = kBadAddress;
  napi_valuetype type = napi_undefined;
  const auto address = read_address(env, text);
  if (address) {
    key = pool.key(*address);
  } else {
    napi_typeof(env, text, &type);
  }
  if (address || type == napi_undefined) {
    const uint32_t handle = self->claim_seat();
    const PickStatus status = pool.pick(self->state_.thread, key, self->seats_[handle].seat, coarse_ms());
    if (status != PickStatus::kOk) self->free_seat(handle);
    result = self->packed(handle, status);
  }
  napi_value number = nullptr;
  napi_create_double(env, result, &number);
  return number;
}

// Null: released before, or, with an exception pending, not a handle that pick() gave.
Seat* PoolWrap::seat(napi_env env, uint32_t handle) {
  if (handle >= seats_.size()) {
    misuse(env, "not a handle of a pick");
    return nullptr;
  }
  return seats_[handle].held ? &seats_[handle].seat : nullptr;
}

Napi::Value PoolWrap::redispatch(const Napi::CallbackInfo& info) {
  if (closed(info.Env())) return info.Env().Undefined();
  const uint32_t handle = to_u32(info[0]);
  Seat* const taken = seat(info.Env(), handle);
  if (!taken || !taken->backend) return Napi::Number::New(info.Env(), static_cast<int>(PickStatus::kNoBackend));
  const bool local_failure = info[1].ToBoolean();
  if (!local_failure) Pool::blame(*taken);
  const PickStatus status = pool_->redispatch(state_.thread, *taken, local_failure, coarse_ms());
  return Napi::Number::New(info.Env(), packed(handle, status));
}

Napi::Value PoolWrap::confirm(const Napi::CallbackInfo& info) {
  if (closed(info.Env())) return info.Env().Undefined();
  const uint32_t handle = to_u32(info[0]);
  Seat* const taken = seat(info.Env(), handle);
  if (taken && taken->backend) pool_->confirm(state_.thread, *taken, coarse_ms());
  return info.Env().Undefined();
}

napi_value PoolWrap::release(napi_env env, napi_callback_info info) {
  napi_value arguments[2];
  PoolWrap* const self = receiver(env, info, 2, arguments);
  uint32_t handle = UINT32_MAX;
  uint32_t outcome = kServed;
  if (!self) return nullptr;
  if (napi_get_value_uint32(env, arguments[0], &handle) != napi_ok) handle = UINT32_MAX;
  Seat* const taken = self->seat(env, handle);
  if (!taken) return nullptr;
  if (napi_get_value_uint32(env, arguments[1], &outcome) != napi_ok) outcome = kServed;
  const uint64_t now = coarse_ms();
  if (outcome == kFailed && taken->backend) Pool::blame(*taken);
  if (outcome == kServed && taken->backend && !taken->established && !taken->pinned) {
    self->pool_->confirm(self->state_.thread, *taken, now);
  }
  self->pool_->release(*taken, outcome != kServed, now);
  self->free_seat(handle);
  return nullptr;
}

Napi::Value PoolWrap::explain(const Napi::CallbackInfo& info) {
  if (closed(info.Env())) return info.Env().Undefined();
  const auto address = read_address(info.Env(), info[0]);
  if (!address) return info.Env().Null();
  const AffinityKey key = pool_->key(*address);
  const Roster& roster = pool_->roster();
  const auto positions = roster.placement->order(pool_->place_hash(key));
  auto order = Napi::Uint16Array::New(info.Env(), positions.size());
  for (size_t i = 0; i < positions.size(); i++) order[i] = roster.entries[roster.members[positions[i]]].backend->index;
  int pin = -1;
  double expires = -1;
  if (StickTable* const table = pool_->table()) {
    const auto found = table->find(key, table->hash(key), coarse_ms());
    if (found && roster.find(found->pin.backend, found->pin.generation)) {
      pin = found->pin.backend;
      if (!pool_->live_keys().any(key, table->hash(key))) expires = static_cast<double>(found->expires_in_ms);
    }
  }
  auto result = Napi::Object::New(info.Env());
  result.Set("key", key_text(key, pool_->rules().keys));
  result.Set("order", order);
  result.Set("pin", pin);
  result.Set("expiresInMs", expires);
  return result;
}

Napi::Value PoolWrap::homes(const Napi::CallbackInfo& info) {
  if (closed(info.Env())) return info.Env().Undefined();
  const auto input = info[0].As<Napi::Uint8Array>();
  const std::string_view text(reinterpret_cast<const char*>(input.Data()), input.ByteLength());
  std::string output;
  output.reserve(text.size() * 2);
  size_t at = 0;
  double malformed = 0;
  for (size_t end = text.find('\n'); end != std::string_view::npos; end = text.find('\n', at)) {
    const std::string_view line = trim(text.substr(at, end - at));
    at = end + 1;
    if (line.empty()) continue;
    append_home(output, line, *pool_);
    if (output[output.size() - 2] == '!' && output[output.size() - 3] == ' ') malformed++;
  }
  auto result = Napi::Object::New(info.Env());
  result.Set("output", Napi::Buffer<char>::Copy(info.Env(), output.data(), output.size()));
  result.Set("consumed", static_cast<double>(at));
  result.Set("malformed", malformed);
  return result;
}

Napi::Value PoolWrap::read_backends(const Napi::CallbackInfo& info) {
  if (closed(info.Env())) return info.Env().Undefined();
  auto into = info[0].As<Napi::Float64Array>();
  const size_t room = into.ElementLength() / 3;
  pool_->registry().each([&](const Backend& backend) {
    if (backend.index >= room) return;
    into[backend.index * 3U] = backend.sessions();
    into[backend.index * 3U + 1] = static_cast<double>(backend.total());
    into[backend.index * 3U + 2] = static_cast<double>(backend.connect_failures());
  });
  return Napi::Number::New(info.Env(), static_cast<double>(pool_->registry().indexes()));
}

Napi::Value PoolWrap::gauges(const Napi::CallbackInfo& info) {
  if (closed(info.Env())) return info.Env().Undefined();
  auto into = info[0].As<Napi::Float64Array>();
  const StickTable* const table = pool_->table();
  const double values[] = {
      table ? static_cast<double>(table->entries()) : 0, table ? static_cast<double>(table->size()) : 0,
      table ? static_cast<double>(table->bytes()) : 0,   static_cast<double>(pool_->seats()),
      static_cast<double>(pool_->roster().number),       static_cast<double>(seats_.size() - free_seats_.size()),
  };
  for (size_t i = 0; i < std::size(values) && i < into.ElementLength(); i++) into[i] = values[i];
  return info.Env().Undefined();
}

Napi::Value PoolWrap::close(const Napi::CallbackInfo& info) {
  pool_ = nullptr;  // a relay that serves the pool keeps it until it stops; then its table is gone, collected or not
  seats_.clear();
  free_seats_.clear();
  return info.Env().Undefined();
}

}  // namespace limpet
