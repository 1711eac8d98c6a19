// The method of class `Pool` on the keys that have live sessions.
#include "../core/key_survey.h"
#include "pool_wrap.h"

namespace limpet {

namespace {

double index_of(uint16_t home) { return home == kNoHome ? -1 : home; }

}  // namespace

napi_value PoolWrap::survey_keys(Call& call) {
  const uint32_t shard = call.u32(0);
  if (shard >= LiveKeys::kShards) return call.misuse("not a part of the live keys");
  const KeySurvey survey = limpet::survey_keys(*pool_, shard, call.u32(1));
  const napi_value hottest = call.array(survey.hottest.size());
  for (size_t i = 0; i < survey.hottest.size(); i++) {
    const KeySurvey::Hot& hot = survey.hottest[i];
    const napi_value one = call.object();
    call.set(one, "key", call.of(key_text(hot.key, pool_->rules().keys)));
    call.set(one, "sessions", call.of(static_cast<double>(hot.sessions)));
    call.set(one, "home", call.of(index_of(hot.home)));
    call.set(one, "shares", call.f64_array(hot.shares.size() * 2, [&](std::span<double> into) {
      for (size_t at = 0; at < hot.shares.size(); at++) {
        into[at * 2] = hot.shares[at].backend;
        into[at * 2 + 1] = hot.shares[at].sessions;
      }
    }));
    call.put(hottest, i, one);
  }
  const napi_value result = call.object();
  call.set(result, "keys", call.of(static_cast<double>(survey.keys)));
  call.set(result, "hottest", hottest);
  call.set(result, "places", call.f64_array(survey.places.size() * 3, [&](std::span<double> into) {
    for (size_t at = 0; at < survey.places.size(); at++) {
      into[at * 3] = index_of(survey.places[at].home);
      into[at * 3 + 1] = survey.places[at].backend;
      into[at * 3 + 2] = static_cast<double>(survey.places[at].sessions);
    }
  }));
  return result;
}

}  // namespace limpet
