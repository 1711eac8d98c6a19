#include "key_survey.h"

#include <algorithm>
#include <map>
#include <tuple>

namespace limpet {

namespace {

bool is_hotter(const KeySurvey::Hot& left, const KeySurvey::Hot& right) {
  return std::tuple(right.sessions, left.key.kind, left.key.value) <
         std::tuple(left.sessions, right.key.kind, right.key.value);
}

// Keeps the hottest only; their order is made at the end.
void keep(std::vector<KeySurvey::Hot>& hottest, KeySurvey::Hot&& hot, size_t most) {
  if (hottest.size() < most) {
    hottest.push_back(std::move(hot));
  } else if (most > 0 && is_hotter(hot, hottest.front())) {
    std::pop_heap(hottest.begin(), hottest.end(), is_hotter);
    hottest.back() = std::move(hot);
  } else {
    return;
  }
  std::push_heap(hottest.begin(), hottest.end(), is_hotter);
}

uint16_t index_of(const RosterEntry* entry) { return entry ? entry->backend->index : kNoHome; }

uint16_t home_of(const Pool& pool, const AffinityKey& key) {
  return index_of(pool.roster().home(pool.place_hash(key)));
}

struct Place {
  AffinityKey whole;
  unsigned number;
};
using Places = std::map<std::pair<KeyKind, uint64_t>, Place>;

// Of the keys that are spread, by the keys of these.
Places places_of(const Pool& pool) {
  Places places;
  if (!pool.hot_keys()) return places;
  for (const AffinityKey& whole : pool.hot_keys()->all()) {
    for (unsigned i = 0; i < pool.hot_keys()->rules().spread; i++) {
      const AffinityKey key = pool.key_of_place(whole, i);
      places[{key.kind, key.value}] = {whole, i};
    }
  }
  return places;
}

}  // namespace

KeySurvey survey_keys(const Pool& pool, unsigned shard, size_t most) {
  auto live = pool.live_keys().sessions(shard);
  std::sort(live.begin(), live.end(), [](const auto& left, const auto& right) {
    return std::tuple(left.key.kind, left.key.value, left.backend) <
           std::tuple(right.key.kind, right.key.value, right.backend);
  });
  const Places hot_places = places_of(pool);
  KeySurvey survey;
  std::map<std::pair<uint16_t, uint16_t>, uint64_t> places;
  for (size_t at = 0; at < live.size();) {
    KeySurvey::Hot hot{live[at].key, 0, kNoHome, {}};
    const auto place = hot_places.find({hot.key.kind, hot.key.value});
    const bool spread = place != hot_places.end();
    hot.home = spread ? index_of(pool.home_of_place(pool.roster(), place->second.whole, place->second.number))
                      : home_of(pool, hot.key);
    for (; at < live.size() && live[at].key == hot.key; at++) {
      hot.sessions += live[at].sessions;
      hot.shares.push_back({live[at].backend, live[at].sessions});
      places[{hot.home, live[at].backend}] += live[at].sessions;
    }
    if (spread) {
      hot.key = place->second.whole;
      hot.home = home_of(pool, hot.key);
      survey.spread.push_back(std::move(hot));
    } else {
      survey.keys++;
      keep(survey.hottest, std::move(hot), most);
    }
  }
  std::sort_heap(survey.hottest.begin(), survey.hottest.end(), is_hotter);
  for (const auto& [pair, sessions] : places) survey.places.push_back({pair.first, pair.second, sessions});
  return survey;
}

}  // namespace limpet
