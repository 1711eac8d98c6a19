// The class `AddressFilter`: see NativeAddressFilter in src/native.ts.
#pragma once

#include <memory>

#include "../core/address_filter.h"
#include "call.h"

namespace limpet {

class AddressFilterWrap : public Napi::ObjectWrap<AddressFilterWrap> {
 public:
  static Napi::Function define(Napi::Env env);
  explicit AddressFilterWrap(const Napi::CallbackInfo& info);

  const std::shared_ptr<const AddressFilter>& filter() const { return filter_; }

 private:
  void make(Call& call);
  napi_value permits(Call& call);

  std::shared_ptr<const AddressFilter> filter_ = std::make_shared<AddressFilter>();
};

}  // namespace limpet
