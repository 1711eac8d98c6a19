#include "call.h"

#include <unistd.h>

#include <cstring>

namespace limpet {

Call::Call(napi_env env, napi_callback_info info) : env_(env) {
  size_t count = kMostArguments;  // missing ones become undefined
  napi_get_cb_info(env, info, &count, arguments_, &self_, &data_);
}

uint32_t Call::u32(size_t at) const {
  uint32_t value = 0;
  return napi_get_value_uint32(env_, arguments_[at], &value) == napi_ok ? value : 0;
}

int64_t Call::i64(size_t at) const {
  int64_t value = 0;
  return napi_get_value_int64(env_, arguments_[at], &value) == napi_ok ? value : 0;
}

double Call::number(size_t at) const {
  double value = 0;
  return napi_get_value_double(env_, arguments_[at], &value) == napi_ok ? value : 0;
}

uint64_t Call::u64(size_t at) const {
  const double value = number(at);
  constexpr double kBeyond = 18446744073709551616.0;  // 2^64: what is not below it has no unsigned value
  return value > 0 && value < kBeyond ? static_cast<uint64_t>(value) : 0;
}

bool Call::flag(size_t at) const {
  bool value = false;
  return napi_get_value_bool(env_, arguments_[at], &value) == napi_ok && value;
}

bool Call::missing(size_t at) const {
  napi_valuetype type;
  return napi_typeof(env_, arguments_[at], &type) == napi_ok && type == napi_undefined;
}

namespace {

std::string read_text(napi_env env, napi_value value) {
  size_t length = 0;
  if (napi_get_value_string_utf8(env, value, nullptr, 0, &length) != napi_ok) return {};
  std::string text(length, '\0');
  // One more for the NUL, which std::string has room for.
  if (napi_get_value_string_utf8(env, value, text.data(), length + 1, &length) != napi_ok) return {};
  return text;
}

}  // namespace

std::string Call::text(size_t at) const { return read_text(env_, arguments_[at]); }

std::vector<std::string> Call::texts(size_t at) const {
  uint32_t count = 0;
  if (napi_get_array_length(env_, arguments_[at], &count) != napi_ok) return {};
  std::vector<std::string> texts;
  texts.reserve(count);
  for (uint32_t i = 0; i < count; i++) {
    napi_value element = nullptr;
    napi_get_element(env_, arguments_[at], i, &element);
    texts.push_back(read_text(env_, element));
  }
  return texts;
}

std::optional<ClientAddress> Call::address(size_t at) const {
  char text[64];  // longer than any address
  size_t length = 0;
  if (napi_get_value_string_latin1(env_, arguments_[at], text, sizeof text, &length) != napi_ok) return std::nullopt;
  return parse_address({text, length});
}

bool Call::key(size_t at, const KeyRules& rules, AffinityKey& key) const {
  if (const auto raw = bytes(at); !raw.empty()) {
    if (raw.size() > kMaxKeyBytes) return false;
    key = make_key(raw.data(), raw.size(), rules);
    return true;
  }
  const auto parsed = address(at);
  if (parsed) key = make_key(*parsed, rules);
  return parsed.has_value();
}

bool Call::secret(size_t at, Secret& secret) const {
  const auto raw = bytes(at);
  if (raw.size() != secret.size()) return false;
  std::memcpy(secret.data(), raw.data(), secret.size());
  return true;
}

KeyRules Call::prefixes(size_t at) const {
  KeyRules rules;
  rules.ipv4_prefix = static_cast<uint8_t>(u32(at));
  rules.ipv6_auto = u32(at + 1) == 0;
  rules.ipv6_prefix = rules.ipv6_auto ? 64 : static_cast<uint8_t>(u32(at + 1));
  return rules;
}

napi_value Call::of(double value) const {
  napi_value result = nullptr;
  napi_create_double(env_, value, &result);
  return result;
}

napi_value Call::of(bool value) const {
  napi_value result = nullptr;
  napi_get_boolean(env_, value, &result);
  return result;
}

napi_value Call::of(std::string_view latin1) const {
  napi_value result = nullptr;
  napi_create_string_latin1(env_, latin1.data(), latin1.size(), &result);
  return result;
}

napi_value Call::null() const {
  napi_value result = nullptr;
  napi_get_null(env_, &result);
  return result;
}

napi_value Call::buffer(std::string_view bytes) const {
  napi_value result = nullptr;
  napi_create_buffer_copy(env_, bytes.size(), bytes.data(), nullptr, &result);
  return result;
}

napi_value Call::typed_array(size_t count, size_t element_bytes, napi_typedarray_type type, void*& data) const {
  napi_value memory = nullptr;
  napi_value result = nullptr;
  if (napi_create_arraybuffer(env_, count * element_bytes, &data, &memory) != napi_ok) return nullptr;
  if (napi_create_typedarray(env_, type, count, memory, 0, &result) != napi_ok) return nullptr;
  return result;
}

napi_value Call::shared_counters(uint64_t* data, size_t bytes, std::shared_ptr<void> owner) const {
  auto* const held = new std::shared_ptr<void>(std::move(owner));
  const auto release = [](napi_env, void*, void* hint) { delete static_cast<std::shared_ptr<void>*>(hint); };
  napi_value memory = nullptr;
  napi_value result = nullptr;
  // Whether a failed call still runs `release` is not told; then the counters stay for as long as the process.
  if (napi_create_external_arraybuffer(env_, data, bytes, release, held, &memory) != napi_ok) return nullptr;
  napi_create_typedarray(env_, napi_biguint64_array, bytes / sizeof(uint64_t), memory, 0, &result);
  return result;
}

napi_value Call::array(size_t count) const {
  napi_value result = nullptr;
  napi_create_array_with_length(env_, count, &result);
  return result;
}

void Call::put(napi_value array, size_t at, napi_value element) const {
  napi_set_element(env_, array, static_cast<uint32_t>(at), element);
}

napi_value Call::object() const {
  napi_value result = nullptr;
  napi_create_object(env_, &result);
  return result;
}

void Call::set(napi_value object, const char* name, napi_value value) const {
  napi_set_named_property(env_, object, name, value);
}

napi_value Call::misuse(const char* what) const {
  napi_throw_type_error(env_, nullptr, what);
  return nullptr;
}

napi_value Call::no_memory(const char* what) const {
  napi_throw_range_error(env_, nullptr, what);
  return nullptr;
}

napi_value Call::failure(const char* what, int error) const {
  napi_value message = nullptr;
  napi_value thrown = nullptr;
  napi_create_string_utf8(env_, what, NAPI_AUTO_LENGTH, &message);
  if (napi_create_error(env_, nullptr, message, &thrown) != napi_ok) return nullptr;
  if (error != 0) set(thrown, "errno", of(static_cast<double>(-error)));
  napi_throw(env_, thrown);
  return nullptr;
}

bool random_secret(Secret& secret) { return getentropy(secret.data(), secret.size()) == 0; }

}  // namespace limpet
