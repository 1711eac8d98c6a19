// Reading arguments and making results. Options are validated in TypeScript; what is checked here would otherwise be
// undefined behaviour.
#pragma once

#include <napi.h>

#include <cstring>
#include <optional>
#include <string>

#include "../core/affinity_key.h"
#include "../core/hash.h"

namespace limpet {

// Throws a TypeError into JavaScript; C++ exceptions are off, so the caller returns at once.
inline Napi::Value misuse(Napi::Env env, const char* what) {
  Napi::TypeError::New(env, what).ThrowAsJavaScriptException();
  return env.Undefined();
}

inline bool read_secret(const Napi::Value& value, Secret& secret) {
  if (!value.IsTypedArray()) return false;
  const auto bytes = value.As<Napi::Uint8Array>();
  if (bytes.ByteLength() != secret.size()) return false;
  std::memcpy(secret.data(), bytes.Data(), secret.size());
  return true;
}

// No coercion, which would call into JavaScript: what is not a number counts as 0.
inline uint32_t to_u32(const Napi::Value& value) {
  uint32_t number = 0;
  return napi_get_value_uint32(value.Env(), value, &number) == napi_ok ? number : 0;
}
inline double to_double(const Napi::Value& value) {
  double number = 0;
  return napi_get_value_double(value.Env(), value, &number) == napi_ok ? number : 0;
}

// A textual address; nothing if it is no string, too long for one, or no address.
std::optional<ClientAddress> read_address(napi_env env, napi_value value);

// A key from a textual address or from bytes. False: not an address, no bytes, or more than kMaxKeyBytes.
bool read_key(const Napi::Value& value, const KeyRules& rules, AffinityKey& key);

// `count` 64-bit counters at `data` as a BigUint64Array over the same memory; `owner` lives as long as the array.
Napi::Value shared_counters(Napi::Env env, uint64_t* data, size_t bytes, std::shared_ptr<void> owner);

// 192 random bytes of the kernel. False: it has none to give.
bool random_secret(Secret& secret);

}  // namespace limpet
