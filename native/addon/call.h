// One call from JavaScript into the addon, on bare Node-API: its arguments, and the making of its result.
//
// Why not node-addon-api's value classes: in a worker thread that is being terminated, every function of Node-API that
// may run JavaScript fails, from one moment to the next in the middle of a call. Those classes answer with a JavaScript
// error made from an empty value, which ends the process. Here what cannot be read is neutral (0, empty), and what
// cannot be made is undefined; no JavaScript of that environment will run to see it. It is also the faster way: a
// Napi::CallbackInfo costs half a pick.
//
// Options are validated in TypeScript; what is checked here would otherwise be undefined behaviour.
#pragma once

#include <napi.h>

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "../core/affinity_key.h"
#include "../core/hash.h"

namespace limpet {

class Call {
 public:
  static constexpr size_t kMostArguments = 16;

  Call(napi_env env, napi_callback_info info);
  // In the constructor of a wrapped class, which node-addon-api calls.
  explicit Call(const Napi::CallbackInfo& info) : Call(info.Env(), static_cast<napi_callback_info>(info)) {}

  napi_env env() const { return env_; }
  napi_value self() const { return self_; }

  // Arguments. No coercion, which would call into JavaScript: what has another type is neutral, as is a missing one.
  uint32_t u32(size_t at) const;
  int64_t i64(size_t at) const;
  double number(size_t at) const;
  // A number as an unsigned one; negative: 0.
  uint64_t u64(size_t at) const;
  bool flag(size_t at) const;
  bool missing(size_t at) const;
  std::string text(size_t at) const;
  std::vector<std::string> texts(size_t at) const;
  // A textual address; nothing if it is no string, too long for one, or no address.
  std::optional<ClientAddress> address(size_t at) const;
  // A key from a textual address or from bytes. False: not an address, no bytes, or more than kMaxKeyBytes.
  bool key(size_t at, const KeyRules& rules, AffinityKey& key) const;
  // False: not 192 bytes.
  bool secret(size_t at, Secret& secret) const;
  KeyRules prefixes(size_t at) const;  // IPv4 and IPv6 prefix (0: auto), in two arguments
  // The elements of a typed array or Buffer; empty: it is another kind of array.
  std::span<uint8_t> bytes(size_t at) const { return elements<uint8_t>(at, napi_uint8_array); }
  std::span<uint32_t> words(size_t at) const { return elements<uint32_t>(at, napi_uint32_array); }
  std::span<double> doubles(size_t at) const { return elements<double>(at, napi_float64_array); }
  // The object that an object of class T wraps; null: it is none, or the environment is ending.
  template <typename T>
  T* wrapped(size_t at) const {
    return unwrap<T>(arguments_[at]);
  }
  template <typename T>
  T* receiver() const {
    return unwrap<T>(self_);
  }
  napi_value argument(size_t at) const { return arguments_[at]; }
  // What the function was made with.
  void* data() const { return data_; }

  // Results; null is undefined for JavaScript.
  napi_value of(double value) const;
  napi_value of(bool value) const;
  napi_value of(std::string_view latin1) const;
  napi_value null() const;
  napi_value buffer(std::string_view bytes) const;
  // Typed arrays: `fill` gets their elements.
  template <typename Fill>
  napi_value u16_array(size_t count, Fill&& fill) const {
    return filled<uint16_t>(count, napi_uint16_array, std::forward<Fill>(fill));
  }
  template <typename Fill>
  napi_value f64_array(size_t count, Fill&& fill) const {
    return filled<double>(count, napi_float64_array, std::forward<Fill>(fill));
  }
  // 64-bit counters at `data` as a BigUint64Array over the same memory; `owner` lives as long as the array.
  napi_value shared_counters(uint64_t* data, size_t bytes, std::shared_ptr<void> owner) const;
  napi_value array(size_t count) const;
  void put(napi_value array, size_t at, napi_value element) const;
  napi_value object() const;
  void set(napi_value object, const char* name, napi_value value) const;

  // Throw into JavaScript: the caller returns the result at once.
  napi_value misuse(const char* what) const;                  // TypeError
  napi_value no_memory(const char* what) const;               // RangeError
  napi_value failure(const char* what, int error = 0) const;  // Error; `errno` is -error, if there is one

 private:
  template <typename T>
  T* unwrap(napi_value value) const {
    void* object = nullptr;
    return napi_unwrap(env_, value, &object) == napi_ok ? static_cast<T*>(object) : nullptr;
  }
  template <typename T>
  std::span<T> elements(size_t at, napi_typedarray_type wanted) const {
    napi_typedarray_type type;
    size_t count = 0;
    void* data = nullptr;
    const auto status = napi_get_typedarray_info(env_, arguments_[at], &type, &count, &data, nullptr, nullptr);
    return status == napi_ok && type == wanted ? std::span<T>(static_cast<T*>(data), count) : std::span<T>();
  }
  template <typename T, typename Fill>
  napi_value filled(size_t count, napi_typedarray_type type, Fill&& fill) const {
    void* data = nullptr;
    const napi_value result = typed_array(count, sizeof(T), type, data);
    if (result) fill(std::span<T>(static_cast<T*>(data), count));
    return result;
  }
  napi_value typed_array(size_t count, size_t element_bytes, napi_typedarray_type type, void*& data) const;

  const napi_env env_;
  napi_value self_ = nullptr;
  void* data_ = nullptr;
  napi_value arguments_[kMostArguments] = {};
};

// 192 random bytes of the kernel. False: it has none to give.
bool random_secret(Secret& secret);

using Property = napi_property_descriptor;

// A function of an object that is not a class.
template <napi_value (*Function)(Call&)>
Property function(const char* name) {
  Property property{};
  property.utf8name = name;
  property.method = [](napi_env env, napi_callback_info info) -> napi_value {
    Call call(env, info);
    return Function(call);
  };
  property.attributes = napi_default_method;
  return property;
}

template <napi_value (*Function)(Call&)>
Property function_getter(const char* name) {
  Property property = function<Function>(name);
  std::swap(property.method, property.getter);
  property.attributes = napi_enumerable;
  return property;
}

namespace details {

template <typename T, napi_value (T::*Method)(Call&)>
napi_value invoke(napi_env env, napi_callback_info info) {
  Call call(env, info);
  // V8 has checked the receiver's class (the signature of the method's template).
  T* const self = call.receiver<T>();
  return self ? (self->*Method)(call) : nullptr;
}

}  // namespace details

template <typename T, napi_value (T::*Method)(Call&)>
Property method(const char* name) {
  Property property{};
  property.utf8name = name;
  property.method = details::invoke<T, Method>;
  property.attributes = napi_default_method;
  return property;
}

// A method as a property of the object itself, which does without looking the wrapped object up: a quarter of a pick.
// The function keeps the object alive, since it holds a bare pointer to what that wraps.
template <typename T, napi_value (T::*Method)(Call&)>
void add_own_method(const Call& constructor, T* self, const char* name) {
  const auto invoke = [](napi_env env, napi_callback_info info) -> napi_value {
    Call call(env, info);
    return (static_cast<T*>(call.data())->*Method)(call);
  };
  napi_value function = nullptr;
  if (napi_create_function(constructor.env(), name, NAPI_AUTO_LENGTH, invoke, self, &function) != napi_ok) return;
  constructor.set(function, "owner", constructor.self());
  constructor.set(constructor.self(), name, function);
}

template <typename T, napi_value (T::*Getter)(Call&)>
Property getter(const char* name) {
  Property property = method<T, Getter>(name);
  std::swap(property.method, property.getter);
  property.attributes = napi_enumerable;
  return property;
}

}  // namespace limpet
