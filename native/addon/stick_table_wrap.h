// The class `StickTable`: see NativeStickTable in src/native.ts.
#pragma once

#include <napi.h>

#include <memory>

#include "../core/stick_table.h"

namespace limpet {

class StickTableWrap : public Napi::ObjectWrap<StickTableWrap> {
 public:
  static Napi::Function define(Napi::Env env);
  explicit StickTableWrap(const Napi::CallbackInfo& info);

 private:
  Napi::Value get(const Napi::CallbackInfo& info);
  Napi::Value set(const Napi::CallbackInfo& info);
  Napi::Value erase(const Napi::CallbackInfo& info);
  Napi::Value clear(const Napi::CallbackInfo& info);
  Napi::Value list(const Napi::CallbackInfo& info);
  Napi::Value advance(const Napi::CallbackInfo& info);
  Napi::Value size(const Napi::CallbackInfo& info);
  Napi::Value capacity(const Napi::CallbackInfo& info);
  Napi::Value bytes(const Napi::CallbackInfo& info);

  uint64_t now() const;

  KeyRules keys_;
  std::unique_ptr<StickTable> table_;
  uint64_t offset_ms_ = 0;
};

}  // namespace limpet
