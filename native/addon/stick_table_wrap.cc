#include "stick_table_wrap.h"

#include "../relay/clock.h"
#include "convert.h"

namespace limpet {

namespace {
constexpr int kNotAKey = -2;
}

Napi::Function StickTableWrap::define(Napi::Env env) {
  return DefineClass(env, "StickTable",
                     {
                         InstanceMethod<&StickTableWrap::get>("get"),
                         InstanceMethod<&StickTableWrap::set>("set"),
                         InstanceMethod<&StickTableWrap::erase>("delete"),
                         InstanceMethod<&StickTableWrap::clear>("clear"),
                         InstanceMethod<&StickTableWrap::list>("list"),
                         InstanceMethod<&StickTableWrap::advance>("advance"),
                         InstanceAccessor<&StickTableWrap::size>("size"),
                         InstanceAccessor<&StickTableWrap::capacity>("capacity"),
                         InstanceAccessor<&StickTableWrap::bytes>("bytes"),
                     });
}

StickTableWrap::StickTableWrap(const Napi::CallbackInfo& info) : Napi::ObjectWrap<StickTableWrap>(info) {
  Secret buckets;
  if (!read_secret(info[2], keys_.secret) || !random_secret(buckets)) {
    misuse(info.Env(), "a secret has 192 bytes");
    return;
  }
  keys_.ipv4_prefix = static_cast<uint8_t>(to_u32(info[3]));
  keys_.ipv6_prefix = static_cast<uint8_t>(to_u32(info[4]));
  table_ = std::make_unique<StickTable>(static_cast<size_t>(to_double(info[0])),
                                        static_cast<uint64_t>(to_double(info[1])), buckets, nullptr);
  if (!table_->usable()) {
    Napi::RangeError::New(info.Env(), "no memory for a stick table of this size").ThrowAsJavaScriptException();
  }
}

uint64_t StickTableWrap::now() const { return coarse_ms() + offset_ms_; }

Napi::Value StickTableWrap::get(const Napi::CallbackInfo& info) {
  AffinityKey key;
  if (!read_key(info[0], keys_, key)) return Napi::Number::New(info.Env(), kNotAKey);
  const uint64_t hash = table_->hash(key);
  const auto found = table_->find(key, hash, now());
  if (!found) return Napi::Number::New(info.Env(), -1);
  StickTable::Locked(*table_, key, hash).refresh(now(), true);
  return Napi::Number::New(info.Env(), found->pin.backend);
}

Napi::Value StickTableWrap::set(const Napi::CallbackInfo& info) {
  AffinityKey key;
  if (!read_key(info[0], keys_, key)) return Napi::Number::New(info.Env(), kNotAKey);
  const auto value = static_cast<uint16_t>(to_u32(info[1]) & kMaxPinBackend);
  StickTable::Locked locked(*table_, key, table_->hash(key));
  const Stored stored = locked.store({value, 0, false, false}, now(), false);
  return Napi::Number::New(info.Env(), stored == Stored::kRejected ? 1 : 0);
}

Napi::Value StickTableWrap::erase(const Napi::CallbackInfo& info) {
  AffinityKey key;
  if (!read_key(info[0], keys_, key)) return Napi::Boolean::New(info.Env(), false);
  StickTable::Locked locked(*table_, key, table_->hash(key));
  const bool known = locked.find(now()).has_value();
  locked.erase();
  return Napi::Boolean::New(info.Env(), known);
}

Napi::Value StickTableWrap::clear(const Napi::CallbackInfo& info) {
  table_->clear();
  return info.Env().Undefined();
}

Napi::Value StickTableWrap::list(const Napi::CallbackInfo& info) {
  uint32_t cursor = to_u32(info[0]);
  const auto listed = table_->list(cursor, to_u32(info[1]), now());
  auto keys = Napi::Array::New(info.Env(), listed.size());
  auto values = Napi::Uint16Array::New(info.Env(), listed.size());
  auto expires = Napi::Float64Array::New(info.Env(), listed.size());
  for (size_t i = 0; i < listed.size(); i++) {
    keys.Set(static_cast<uint32_t>(i), key_text(listed[i].key, keys_));
    values[i] = listed[i].found.pin.backend;
    expires[i] = static_cast<double>(listed[i].found.expires_in_ms);
  }
  auto result = Napi::Object::New(info.Env());
  result.Set("next", cursor < table_->buckets() ? static_cast<double>(cursor) : -1.0);
  result.Set("keys", keys);
  result.Set("values", values);
  result.Set("expiresInMs", expires);
  return result;
}

Napi::Value StickTableWrap::advance(const Napi::CallbackInfo& info) {
  offset_ms_ += static_cast<uint64_t>(to_double(info[0]));
  return info.Env().Undefined();
}

Napi::Value StickTableWrap::size(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), static_cast<double>(table_->entries()));
}

Napi::Value StickTableWrap::capacity(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), static_cast<double>(table_->size()));
}

Napi::Value StickTableWrap::bytes(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), static_cast<double>(table_->bytes()));
}

}  // namespace limpet
