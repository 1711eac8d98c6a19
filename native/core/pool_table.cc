#include "pool.h"

namespace limpet {

std::optional<Stored> Pool::set_pin(const AffinityKey& key, uint16_t backend, uint16_t generation, uint64_t ttl_ms,
                                    uint64_t now_ms) {
  const RosterEntry* const entry = roster().find(backend, generation);
  if (!entry || !table_) return std::nullopt;
  const Position home = roster().placement->home(place_hash(key));
  const bool away = home == kNoPosition || &roster().entries[roster().members[home]] != entry;
  const uint64_t hash = table_->hash(key);
  StickTable::Locked locked(*table_, key, hash);
  // Its sessions must not bring back at their end what is replaced here.
  live_.drop_origin(key, hash);
  return locked.store({backend, generation, away, false}, now_ms, false, ttl_ms);
}

bool Pool::erase_pin(const AffinityKey& key, uint64_t now_ms) {
  if (!table_) return false;
  const uint64_t hash = table_->hash(key);
  StickTable::Locked locked(*table_, key, hash);
  const auto found = locked.find(now_ms);
  live_.drop_origin(key, hash);
  locked.erase();
  return found && roster().find(found->pin.backend, found->pin.generation);
}

size_t Pool::erase_pins(uint32_t& cursor, const Backend* backend) {
  if (!table_) return 0;
  return table_->erase_if(cursor, [&](const AffinityKey& key, const Pin& pin) {
    if (backend && (pin.backend != backend->index || pin.generation != backend->generation)) return false;
    live_.drop_origin(key, table_->hash(key));
    return true;
  });
}

}  // namespace limpet
