// The class `Placement`: see NativePlacement in src/native.ts.
#pragma once

#include <memory>
#include <vector>

#include "../core/placement.h"
#include "call.h"

namespace limpet {

class PlacementWrap : public Napi::ObjectWrap<PlacementWrap> {
 public:
  static Napi::Function define(Napi::Env env);
  explicit PlacementWrap(const Napi::CallbackInfo& info);

 private:
  void make(Call& call);
  napi_value home(Call& call);
  napi_value order(Call& call);
  napi_value shares(Call& call);
  napi_value homes(Call& call);

  uint64_t hash(const AffinityKey& key) const { return hash_key(home_key(key, keys_), secret_); }

  Secret secret_{};
  KeyRules keys_;
  size_t names_ = 0;
  std::vector<uint32_t> given_;  // position → index in the constructor's names
  std::unique_ptr<Placement> placement_;
};

}  // namespace limpet
