// The methods of class `Pool` on the keys that have live sessions, and on those that have too many.
#include "../core/key_survey.h"
#include "pool_wrap.h"

namespace limpet {

namespace {

double index_of(uint16_t home) { return home == kNoHome ? -1 : home; }

napi_value told(Call& call, const std::vector<KeySurvey::Hot>& keys, const KeyRules& rules) {
  const napi_value all = call.array(keys.size());
  for (size_t i = 0; i < keys.size(); i++) {
    const KeySurvey::Hot& hot = keys[i];
    const napi_value one = call.object();
    call.set(one, "key", call.of(key_text(hot.key, rules)));
    call.set(one, "sessions", call.of(static_cast<double>(hot.sessions)));
    call.set(one, "home", call.of(index_of(hot.home)));
    call.set(one, "shares", call.f64_array(hot.shares.size() * 2, [&](std::span<double> into) {
      for (size_t at = 0; at < hot.shares.size(); at++) {
        into[at * 2] = hot.shares[at].backend;
        into[at * 2 + 1] = hot.shares[at].sessions;
      }
    }));
    call.put(all, i, one);
  }
  return all;
}

}  // namespace

napi_value PoolWrap::survey_keys(Call& call) {
  const uint32_t shard = call.u32(0);
  if (shard >= LiveKeys::kShards) return call.misuse("not a part of the live keys");
  const KeySurvey survey = limpet::survey_keys(*pool_, shard, call.u32(1));
  const napi_value result = call.object();
  call.set(result, "keys", call.of(static_cast<double>(survey.keys)));
  call.set(result, "hottest", told(call, survey.hottest, pool_->rules().keys));
  call.set(result, "spread", told(call, survey.spread, pool_->rules().keys));
  call.set(result, "places", call.f64_array(survey.places.size() * 3, [&](std::span<double> into) {
    for (size_t at = 0; at < survey.places.size(); at++) {
      into[at * 3] = index_of(survey.places[at].home);
      into[at * 3 + 1] = survey.places[at].backend;
      into[at * 3 + 2] = static_cast<double>(survey.places[at].sessions);
    }
  }));
  return result;
}

napi_value PoolWrap::is_spread(Call& call) {
  AffinityKey key;
  if (const auto address = call.address(0)) {
    key = pool_->key(*address);
  } else if (!call.key(0, pool_->rules().keys, key)) {
    return call.of(false);
  }
  return call.of(pool_->is_spread(key));
}

// Of the key by whose place its home is.
std::string PoolWrap::home_text(const AffinityKey& key) const {
  KeyRules rules = pool_->rules().keys;
  const AffinityKey home = home_key(key, rules);
  if (rules.ipv6_auto) rules.ipv6_prefix = kBlockPrefix;
  return key_text(home, rules);
}

// A port, the text of an address, or bytes; 0: nothing.
uint64_t PoolWrap::told_apart_by(Call& call, size_t at) const {
  if (!pool_->hot_keys() || call.missing(at)) return 0;
  if (const auto address = call.address(at)) return pool_->apart_by(*address);
  const auto bytes = call.bytes(at);
  return bytes.empty() ? call.u32(at) : pool_->key(bytes).value;
}

// Empty: the key is not spread.
napi_value PoolWrap::homes_of_places(Call& call, const AffinityKey& key) const {
  const Roster& roster = pool_->roster();
  const bool spread = pool_->is_spread(key) && roster.home(pool_->place_hash(key));
  return call.u16_array(spread ? pool_->hot_keys()->rules().spread : 0, [&](std::span<uint16_t> homes) {
    for (unsigned i = 0; i < homes.size(); i++) homes[i] = pool_->home_of_place(roster, key, i)->backend->index;
  });
}

}  // namespace limpet
