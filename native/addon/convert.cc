#include "convert.h"

#include <unistd.h>

#include <memory>

namespace limpet {

std::optional<ClientAddress> read_address(napi_env env, napi_value value) {
  char text[64];  // longer than any address
  size_t length = 0;
  if (napi_get_value_string_latin1(env, value, text, sizeof text, &length) != napi_ok) return std::nullopt;
  return parse_address({text, length});
}

bool read_key(const Napi::Value& value, const KeyRules& rules, AffinityKey& key) {
  if (value.IsTypedArray()) {
    const auto bytes = value.As<Napi::Uint8Array>();
    if (bytes.ByteLength() == 0 || bytes.ByteLength() > kMaxKeyBytes) return false;
    key = make_key(bytes.Data(), bytes.ByteLength(), rules);
    return true;
  }
  const auto address = read_address(value.Env(), value);
  if (address) key = make_key(*address, rules);
  return address.has_value();
}

Napi::Value shared_counters(Napi::Env env, uint64_t* data, size_t bytes, std::shared_ptr<void> owner) {
  auto* held = new std::shared_ptr<void>(std::move(owner));
  const auto release = [](Napi::BasicEnv, void*, std::shared_ptr<void>* hint) { delete hint; };
  auto buffer = Napi::ArrayBuffer::New(env, data, bytes, release, held);
  return Napi::TypedArrayOf<uint64_t>::New(env, bytes / sizeof(uint64_t), buffer, 0, napi_biguint64_array);
}

bool random_secret(Secret& secret) { return getentropy(secret.data(), secret.size()) == 0; }

}  // namespace limpet
