// The class `Placement`: see NativePlacement in src/native.ts.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "../core/pool.h"
#include "call.h"

namespace limpet {

class PlacementWrap : public Napi::ObjectWrap<PlacementWrap> {
 public:
  static Napi::Function define(Napi::Env env);
  explicit PlacementWrap(const Napi::CallbackInfo& info);

  // The homes of a pool of the same rules: `identities` has the backend of each of the constructor's names, negative:
  // none. False: fewer than there are names.
  bool other_homes(std::span<const double> identities, OtherHomes& homes) const;

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
  std::shared_ptr<const Placement> placement_;
};

}  // namespace limpet
