#include "stick_table_wrap.h"

#include "../relay/clock.h"

namespace limpet {

namespace {
constexpr double kNotAKey = -2;
}

Napi::Function StickTableWrap::define(Napi::Env env) {
  return DefineClass(env, "StickTable",
                     {
                         method<StickTableWrap, &StickTableWrap::get>("get"),
                         method<StickTableWrap, &StickTableWrap::set>("set"),
                         method<StickTableWrap, &StickTableWrap::erase>("delete"),
                         method<StickTableWrap, &StickTableWrap::clear>("clear"),
                         method<StickTableWrap, &StickTableWrap::list>("list"),
                         method<StickTableWrap, &StickTableWrap::advance>("advance"),
                         getter<StickTableWrap, &StickTableWrap::size>("size"),
                         getter<StickTableWrap, &StickTableWrap::capacity>("capacity"),
                         getter<StickTableWrap, &StickTableWrap::bytes>("bytes"),
                     });
}

StickTableWrap::StickTableWrap(const Napi::CallbackInfo& info) : Napi::ObjectWrap<StickTableWrap>(info) {
  Call call(info);
  make(call);
}

void StickTableWrap::make(Call& call) {
  Secret buckets;
  keys_ = call.prefixes(3);
  if (!call.secret(2, keys_.secret)) {
    call.misuse("a secret has 192 bytes");
    return;
  }
  if (!random_secret(buckets)) {
    call.failure("the kernel gave no random bytes");
    return;
  }
  table_ = std::make_unique<StickTable>(call.u64(0), call.u64(1), buckets, nullptr);
  if (!table_->usable()) call.no_memory("no memory for a stick table of this size");
}

uint64_t StickTableWrap::now() const { return coarse_ms() + offset_ms_; }

napi_value StickTableWrap::get(Call& call) {
  AffinityKey key;
  if (!call.key(0, keys_, key)) return call.of(kNotAKey);
  const uint64_t hash = table_->hash(key);
  const auto found = table_->find(key, hash, now());
  if (!found) return call.of(-1.0);
  StickTable::Locked(*table_, key, hash).refresh(now(), true);
  return call.of(static_cast<double>(found->pin.backend));
}

napi_value StickTableWrap::set(Call& call) {
  AffinityKey key;
  if (!call.key(0, keys_, key)) return call.of(kNotAKey);
  const auto value = static_cast<uint16_t>(call.u32(1) & kMaxPinBackend);
  StickTable::Locked locked(*table_, key, table_->hash(key));
  const Stored stored = locked.store({value, 0, false, false}, now(), false);
  return call.of(stored == Stored::kRejected ? 1.0 : 0.0);
}

napi_value StickTableWrap::erase(Call& call) {
  AffinityKey key;
  if (!call.key(0, keys_, key)) return call.of(false);
  StickTable::Locked locked(*table_, key, table_->hash(key));
  const bool known = locked.find(now()).has_value();
  locked.erase();
  return call.of(known);
}

napi_value StickTableWrap::clear(Call&) {
  table_->clear();
  return nullptr;
}

napi_value StickTableWrap::list(Call& call) {
  uint32_t cursor = call.u32(0);
  const auto listed = table_->list(cursor, call.u32(1), now());
  const napi_value keys = call.array(listed.size());
  for (size_t i = 0; i < listed.size(); i++) call.put(keys, i, call.of(key_text(listed[i].key, keys_)));
  const napi_value result = call.object();
  call.set(result, "next", call.of(cursor < table_->buckets() ? static_cast<double>(cursor) : -1.0));
  call.set(result, "keys", keys);
  call.set(result, "values", call.u16_array(listed.size(), [&](std::span<uint16_t> values) {
    for (size_t i = 0; i < values.size(); i++) values[i] = listed[i].found.pin.backend;
  }));
  call.set(result, "expiresInMs", call.f64_array(listed.size(), [&](std::span<double> expires) {
    for (size_t i = 0; i < expires.size(); i++) expires[i] = static_cast<double>(listed[i].found.expires_in_ms);
  }));
  return result;
}

napi_value StickTableWrap::advance(Call& call) {
  offset_ms_ += call.u64(0);
  return nullptr;
}

napi_value StickTableWrap::size(Call& call) { return call.of(static_cast<double>(table_->entries())); }

napi_value StickTableWrap::capacity(Call& call) { return call.of(static_cast<double>(table_->size())); }

napi_value StickTableWrap::bytes(Call& call) { return call.of(static_cast<double>(table_->bytes())); }

}  // namespace limpet
