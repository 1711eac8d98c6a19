// The class `Placement`: see NativePlacement in src/native.ts.
#pragma once

#include <napi.h>

#include <memory>
#include <string>
#include <vector>

#include "../core/affinity_key.h"
#include "../core/placement.h"

namespace limpet {

class PlacementWrap : public Napi::ObjectWrap<PlacementWrap> {
 public:
  static Napi::Function define(Napi::Env env);
  explicit PlacementWrap(const Napi::CallbackInfo& info);

 private:
  Napi::Value home(const Napi::CallbackInfo& info);
  Napi::Value order(const Napi::CallbackInfo& info);
  Napi::Value shares(const Napi::CallbackInfo& info);

  uint64_t hash(const AffinityKey& key) const { return hash_key(key, secret_); }

  Secret secret_{};
  KeyRules keys_;
  size_t names_ = 0;
  std::vector<uint32_t> given_;  // position → index in the constructor's names
  std::unique_ptr<Placement> placement_;
};

}  // namespace limpet
