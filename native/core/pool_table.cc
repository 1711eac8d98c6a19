#include <algorithm>

#include "pool.h"

namespace limpet {

namespace {

// A pin in use is refreshed so often in its ttl: as much of it a sudden end may cost.
constexpr uint64_t kRefreshes = 8;
constexpr uint64_t kKeepEveryMs = 1000;

}  // namespace

std::optional<Stored> Pool::set_pin(const AffinityKey& key, uint16_t backend, uint16_t generation, uint64_t ttl_ms,
                                    uint64_t now_ms) {
  const RosterEntry* const entry = roster().find(backend, generation);
  if (!entry || !table_) return std::nullopt;
  const bool away = roster().home(place_hash(key)) != entry;
  const uint64_t hash = table_->hash(key);
  StickTable::Locked locked(*table_, key, hash);
  if (shares()) note_confirmed(key, hash, locked.find(now_ms), {backend, generation, away, false});
  // Its sessions must not bring back at their end what is replaced here.
  live_.drop_origin(key, hash);
  return locked.store({backend, generation, away, false}, now_ms, false, ttl_ms);
}

bool Pool::erase_pin(const AffinityKey& key, uint64_t now_ms) {
  if (!table_) return false;
  forget_block(key);
  const uint64_t hash = table_->hash(key);
  StickTable::Locked locked(*table_, key, hash);
  const auto found = locked.find(now_ms);
  if (found && shares()) note_erased(key, found->pin);
  live_.drop_origin(key, hash);
  locked.erase();
  return found && roster().find(found->pin.backend, found->pin.generation);
}

size_t Pool::erase_pins(uint32_t& cursor, const Backend* backend) {
  if (!table_) return 0;
  return table_->erase_if(cursor, [&](const AffinityKey& key, const Pin& pin) {
    if (backend && (pin.backend != backend->index || pin.generation != backend->generation)) return false;
    if (shares()) note_erased(key, pin);
    live_.drop_origin(key, table_->hash(key));
    return true;
  });
}

void Pool::forget_absent() {
  if (table_ && table_->file()) registry_->forget_absent(*table_);
}

void Pool::keep_table(const TableMoment& now) {
  if (!table_ || !table_->file()) return;
  table_->file()->mark(now);
  const uint64_t wanted = LiveKeys::kShards * kKeepEveryMs * kRefreshes / std::max<uint64_t>(1, rules_.ttl_ms) + 1;
  const auto shards = static_cast<unsigned>(std::min<uint64_t>(LiveKeys::kShards, wanted));
  for (unsigned i = 0; i < shards; i++) {
    // Copied first: a bucket's lock comes before a shard's.
    for (const AffinityKey& key : live_.keys(kept_shard_)) {
      table_->refresh(key, table_->hash(key), now.monotonic_ms);
    }
    kept_shard_ = (kept_shard_ + 1) % LiveKeys::kShards;
  }
}

}  // namespace limpet
