#include "head_keys_wrap.h"

#include "../protocol/postgres.h"
#include "../protocol/proxy_protocol.h"
#include "../protocol/tls_server_hello.h"
#include "../relay/clock.h"
#include "../relay/head_choice.h"
#include "pool_wrap.h"

namespace limpet {

namespace {

// The numbers are those of HeadVerdict in src/native.ts.
constexpr double kWantsMore = 0;
constexpr double kIsMissing = 1;
constexpr double kIsCutShort = 2;
constexpr double kIsAddress = 3;

napi_value told(const Call& call, const Extraction& extraction, bool cut_short) {
  switch (extraction.verdict) {
    case Verdict::kFound:
      return call.buffer(extraction.key);
    case Verdict::kMore:
      return call.of(kWantsMore);
    case Verdict::kMissing:
      break;
  }
  return call.of(cut_short ? kIsCutShort : kIsMissing);
}

}  // namespace

Napi::Function HeadKeysWrap::define(Napi::Env env) {
  return DefineClass(env, "HeadKeys",
                     {
                         method<HeadKeysWrap, &HeadKeysWrap::find>("find"),
                         method<HeadKeysWrap, &HeadKeysWrap::encryption_request>("encryptionRequest"),
                         method<HeadKeysWrap, &HeadKeysWrap::session_of>("sessionOf"),
                         getter<HeadKeysWrap, &HeadKeysWrap::learns>("learns"),
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

Scratch& HeadKeysWrap::scratch() {
  if (!scratch_) scratch_ = std::make_unique<Scratch>();
  return *scratch_;
}

napi_value HeadKeysWrap::find(Call& call) {
  ProxyHeader header;
  const bool proxied = decode_proxy(call.bytes(3), kMostProxyV2Bytes, header).status == ProxyStatus::kComplete;
  const SeenHead head{call.bytes(0), call.flag(1), proxied ? &header : nullptr};
  if (call.missing(2)) {
    // What would be learnt, or looked up, is taken as it is.
    const HeadKey plain = first_key(recipes_, head, scratch(), [](HeadSource, std::string_view) { return true; });
    return plain.is_address ? call.of(kIsAddress) : told(call, plain.extraction, plain.cut_short);
  }
  auto* const wrap = call.wrapped<PoolWrap>(2);
  if (!wrap || !wrap->pool()) return call.misuse("the pool is closed");
  const HeadChoice choice = choose(*wrap->pool(), recipes_, head, scratch(), coarse_ms());
  const HeadKey& key = choice.key;
  const napi_value found = key.is_address ? call.of(kIsAddress) : told(call, key.extraction, key.cut_short);
  if (!choice.named) return found;
  const napi_value named = call.object();
  call.set(named, "index", call.of(static_cast<double>(choice.named->backend)));
  call.set(named, "generation", call.of(static_cast<double>(choice.named->generation)));
  if (key.extraction.verdict == Verdict::kFound) call.set(named, "key", found);
  return named;
}

napi_value HeadKeysWrap::session_of(Call& call) {
  return told(call, tls_server_session_id(call.bytes(0), scratch()), false);
}

napi_value HeadKeysWrap::learns(Call& call) { return call.of(learns_from_answers(recipes_)); }

}  // namespace limpet
