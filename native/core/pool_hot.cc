// Hot keys: the sessions of a key that has too many for one backend go to several places, each of which is a key of its
// own to all the rest (pin, home, overflow, live sessions). The first place is the key itself.
#include <algorithm>
#include <cstring>

#include "pool.h"

namespace limpet {

namespace {

__extension__ using Wide = unsigned __int128;

// Separates places of hot keys from byte keys of the same content.
constexpr uint64_t kPlaceDomain = 0x6c696d706574686fULL;

}  // namespace

AffinityKey Pool::key_of_place(const AffinityKey& key, unsigned place) const {
  if (place == 0) return key;
  uint8_t bytes[10];
  bytes[0] = static_cast<uint8_t>(key.kind);
  for (unsigned i = 0; i < 8; i++) bytes[1 + i] = static_cast<uint8_t>(key.value >> (8 * i));
  bytes[9] = static_cast<uint8_t>(place);
  return {keyed_hash(bytes, sizeof bytes, rules_.keys.secret) ^ kPlaceDomain, KeyKind::kHashed};
}

// Each place is at home where its own key is, but no two at one backend while there are others: a place whose home is
// taken by one before it has the next of its order.
const RosterEntry* Pool::home_of_place(const Roster& roster, const AffinityKey& key, unsigned place) const {
  std::array<const RosterEntry*, kMostSpread> homes{};
  for (unsigned i = 0; i <= place; i++) {
    const uint64_t hash = place_hash(key_of_place(key, i));
    const auto taken = [&](const RosterEntry* entry) {
      return std::find(homes.begin(), homes.begin() + i, entry) != homes.begin() + i;
    };
    homes[i] = roster.home(hash);
    if (!homes[i] || !taken(homes[i])) continue;
    const Tier& tier = roster.primaries;
    const Position position =
        tier.placement->first(hash, [&](Position at) { return !taken(&roster.entries[tier.members[at]]); });
    if (position != kNoPosition) homes[i] = &roster.entries[tier.members[position]];
  }
  return homes[place];
}

uint64_t Pool::apart_by(const ClientAddress& address) const {
  const auto bytes = normalised(address).bytes;
  return keyed_hash(bytes.data(), bytes.size(), rules_.keys.secret) ^ kPlaceDomain;
}

uint64_t Pool::hot_hash(const AffinityKey& key) const { return hash_key(key, rules_.table_secret); }

bool Pool::is_spread(const AffinityKey& key) const {
  return hot_ && hot_->rules().concern(key) && hot_->is_hot(hot_hash(key));
}

// Of all places; without a table nothing is counted.
uint64_t Pool::sessions_of_places(const AffinityKey& key) const {
  uint64_t sessions = 0;
  for (unsigned place = 0; place < hot_->rules().spread; place++) {
    const AffinityKey one = key_of_place(key, place);
    sessions += live_.count(one, table_->hash(one));
  }
  return sessions;
}

// More than `per_mille` thousandths of the share that is too much: share · bound of its home, the bound as it is for a
// mean pick now. Without a bound (boundedLoad: off) it is the home's fair share of all sessions.
bool Pool::is_too_much(const AffinityKey& key, uint64_t sessions, uint64_t per_mille) const {
  const Roster& now = roster();
  const RosterEntry* const home = now.home(place_hash(key));
  if (!home || now.eligible_share == 0) return false;
  const uint32_t bound_milli = bound_milli_.load(std::memory_order_relaxed);
  const uint64_t share = hot_->rules().share_milli;
  const Wide bound = Wide{bound_milli != 0 ? bound_milli : 1000} * (seats() + 1) * home->share();  // · 1000 · W
  const Wide least = Wide{HotKeys::kLeastSessions} * per_mille;
  if (Wide{sessions} * 1000 < least) return false;
  return Wide{sessions} * 1000 * now.eligible_share * 1000 * 1000 > bound * share * per_mille;
}

void Pool::review_hot_keys(uint64_t now_ms) {
  hot_->review(now_ms, [this](const AffinityKey& key) { return !is_too_much(key, sessions_of_places(key), 500); });
}

// Before a seat is taken: whose key is hot gets the key of its place.
void Pool::spread(Thread& thread, Seat& seat, uint64_t by, uint64_t now_ms) {
  const uint64_t hash = hot_hash(seat.key);
  if (hot_->is_due(now_ms)) review_hot_keys(now_ms);
  const bool candidate = hot_->is_candidate(thread.number(), seat.key, hash, now_ms);
  if (!hot_->is_hot(hash)) {
    if (!candidate) return;
    const uint64_t sessions = uint64_t{live_.count(seat.key, table_->hash(seat.key))} + 1;
    if (!is_too_much(seat.key, sessions, 1000) || !hot_->heat(seat.key, hash)) return;
  }
  count(thread, PoolCounter::kSpread);
  // Nothing to tell them apart by: to the first place.
  if (by == 0) return;
  const auto place = static_cast<unsigned>(mix64(by ^ place_hash(seat.key)) % hot_->rules().spread);
  if (place == 0) return;
  seat.hot_value = seat.key.value;
  seat.hot_kind = seat.key.kind;
  seat.key = key_of_place(seat.key, place);
  seat.place = static_cast<uint8_t>(place);
}

}  // namespace limpet
