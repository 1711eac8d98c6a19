#include "head_keys_wrap.h"

#include "../protocol/postgres.h"

namespace limpet {

namespace {

// The numbers are those of HeadVerdict in src/native.ts.
constexpr double kWantsMore = 0;
constexpr double kIsMissing = 1;
constexpr double kIsCutShort = 2;

}  // namespace

Napi::Function HeadKeysWrap::define(Napi::Env env) {
  return DefineClass(env, "HeadKeys",
                     {
                         method<HeadKeysWrap, &HeadKeysWrap::find>("find"),
                         method<HeadKeysWrap, &HeadKeysWrap::encryption_request>("encryptionRequest"),
                     });
}

HeadKeysWrap::HeadKeysWrap(const Napi::CallbackInfo& info) : Napi::ObjectWrap<HeadKeysWrap>(info) {
  Call call(info);
  make(call);
}

void HeadKeysWrap::make(Call& call) {
  refuses_encryption_ = call.flag(1);
  for (const std::string& text : call.texts(0)) {
    auto recipe = parse_recipe(text);
    if (!recipe) {
      call.misuse("not a source of keys");
      return;
    }
    recipes_.push_back(std::move(*recipe));
  }
}

napi_value HeadKeysWrap::encryption_request(Call& call) {
  const auto request = refuses_encryption_ ? limpet::encryption_request(call.bytes(0)) : EncryptionRequest::kNone;
  return call.of(static_cast<double>(request));
}

napi_value HeadKeysWrap::find(Call& call) {
  if (!scratch_) scratch_ = std::make_unique<Scratch>();
  const HeadKey key = first_key(recipes_, call.bytes(0), call.flag(1), *scratch_);
  switch (key.extraction.verdict) {
    case Verdict::kFound:
      return call.buffer(key.extraction.key);
    case Verdict::kMore:
      return call.of(kWantsMore);
    case Verdict::kMissing:
      break;
  }
  return call.of(key.cut_short ? kIsCutShort : kIsMissing);
}

}  // namespace limpet
