// The class `HeadKeys`: see NativeHeadKeys in src/native.ts.
#pragma once

#include <memory>
#include <vector>

#include "../protocol/head_key.h"
#include "call.h"

namespace limpet {

class HeadKeysWrap : public Napi::ObjectWrap<HeadKeysWrap> {
 public:
  static Napi::Function define(Napi::Env env);
  explicit HeadKeysWrap(const Napi::CallbackInfo& info);

  const std::vector<HeadRecipe>& recipes() const { return recipes_; }
  bool refuses_encryption() const { return refuses_encryption_; }

 private:
  void make(Call& call);
  napi_value find(Call& call);
  napi_value encryption_request(Call& call);
  napi_value session_of(Call& call);
  napi_value learns(Call& call);
  Scratch& scratch();

  std::vector<HeadRecipe> recipes_;
  bool refuses_encryption_ = false;
  std::unique_ptr<Scratch> scratch_;  // null: nothing was looked for yet
};

}  // namespace limpet
