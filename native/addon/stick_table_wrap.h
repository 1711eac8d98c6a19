// The class `StickTable`: see NativeStickTable in src/native.ts.
#pragma once

#include <memory>

#include "../core/stick_table.h"
#include "call.h"

namespace limpet {

class StickTableWrap : public Napi::ObjectWrap<StickTableWrap> {
 public:
  static Napi::Function define(Napi::Env env);
  explicit StickTableWrap(const Napi::CallbackInfo& info);

 private:
  void make(Call& call);
  napi_value get(Call& call);
  napi_value set(Call& call);
  napi_value erase(Call& call);
  napi_value clear(Call& call);
  napi_value list(Call& call);
  napi_value advance(Call& call);
  napi_value size(Call& call);
  napi_value capacity(Call& call);
  napi_value bytes(Call& call);

  uint64_t now() const;

  KeyRules keys_;
  std::unique_ptr<StickTable> table_;
  uint64_t offset_ms_ = 0;
};

}  // namespace limpet
