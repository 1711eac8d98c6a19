#include "head_keys_wrap.h"

namespace limpet {

namespace {

// The numbers are those of HeadVerdict in src/native.ts.
constexpr double kWantsMore = 0;
constexpr double kIsMissing = 1;

}  // namespace

Napi::Function HeadKeysWrap::define(Napi::Env env) {
  return DefineClass(env, "HeadKeys", {method<HeadKeysWrap, &HeadKeysWrap::find>("find")});
}

HeadKeysWrap::HeadKeysWrap(const Napi::CallbackInfo& info) : Napi::ObjectWrap<HeadKeysWrap>(info) {
  Call call(info);
  make(call);
}

void HeadKeysWrap::make(Call& call) {
  for (const std::string& text : call.texts(0)) {
    auto recipe = parse_recipe(text);
    if (!recipe) {
      call.misuse("not a source of keys");
      return;
    }
    recipes_.push_back(std::move(*recipe));
  }
}

napi_value HeadKeysWrap::find(Call& call) {
  if (!scratch_) scratch_ = std::make_unique<Scratch>();
  const HeadKey key = first_key(recipes_, call.bytes(0), false, *scratch_);
  switch (key.extraction.verdict) {
    case Verdict::kFound:
      return call.buffer(key.extraction.key);
    case Verdict::kMore:
      return call.of(kWantsMore);
    case Verdict::kMissing:
      break;
  }
  return call.of(kIsMissing);
}

}  // namespace limpet
