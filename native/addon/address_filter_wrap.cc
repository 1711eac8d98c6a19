#include "address_filter_wrap.h"

namespace limpet {

Napi::Function AddressFilterWrap::define(Napi::Env env) {
  return DefineClass(env, "AddressFilter", {method<AddressFilterWrap, &AddressFilterWrap::permits>("permits")});
}

AddressFilterWrap::AddressFilterWrap(const Napi::CallbackInfo& info) : Napi::ObjectWrap<AddressFilterWrap>(info) {
  Call call(info);
  make(call);
}

void AddressFilterWrap::make(Call& call) {
  const auto filter = std::make_shared<AddressFilter>();
  bool good = true;
  for (const std::string& network : call.texts(0)) good = filter->allow(network) && good;
  for (const std::string& network : call.texts(1)) good = filter->deny(network) && good;
  if (!good) {
    call.misuse("not a network");
    return;
  }
  filter->seal();
  filter_ = filter;
}

napi_value AddressFilterWrap::permits(Call& call) {
  const auto address = call.address(0);
  return call.of(address && filter_->permits(*address));
}

}  // namespace limpet
