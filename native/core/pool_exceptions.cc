// Exceptions: pins whose backend is not the home of their key. Homes can be computed by every balancer,
// exceptions have to be told.
#include <algorithm>

#include "pool.h"

namespace limpet {

namespace {

uint32_t identity_of(const Pin& pin) { return uint32_t{pin.generation} << 16 | pin.backend; }

}  // namespace

void Pool::share_exceptions(size_t size) {
  if (!table_ || exceptions_.load(std::memory_order_relaxed)) return;
  exceptions_.store(new ExceptionRing(size), std::memory_order_release);
}

void Pool::share_beside(std::unique_ptr<const OtherHomes> homes) {
  if (!shares()) return;
  const OtherHomes* const old = beside_.exchange(homes.release(), std::memory_order_seq_cst);
  if (old) domain_->retire([old] { delete old; });
}

// Under the lock of the key's buckets, before the pin is stored: what is known of the pin from before is still there.
void Pool::note_confirmed(const AffinityKey& key, uint64_t hash, const MaybeFound& known, const Pin& pin) {
  std::optional<Pin> before = live_.origin(key, hash);
  if (known && !known->pin.provisional) before = known->pin;
  if (before && before->same_backend(pin) && before->away == pin.away) return;
  const uint32_t was = before ? identity_of(*before) : PinEvent::kNobody;
  ExceptionRing& ring = *exceptions_.load(std::memory_order_acquire);
  if (pin.away || is_away_beside(key, pin)) {
    ring.push({key, identity_of(pin), was == identity_of(pin) ? PinEvent::kNobody : was, PinEvent::Kind::kMade});
  } else if (before) {
    ring.push({key, was, PinEvent::kNobody, PinEvent::Kind::kEnded});
  }
}

void Pool::note_erased(const AffinityKey& key, const Pin& pin) {
  if (pin.provisional || !(is_exception(key, pin) || is_away_beside(key, pin))) return;
  exceptions_.load(std::memory_order_acquire)->push({key, identity_of(pin), PinEvent::kNobody, PinEvent::Kind::kEnded});
}

// By the membership of now. Where keys are spread, a hashed one may be the place of another, whose home is not its own:
// there the pin knows best.
bool Pool::is_exception(const AffinityKey& key, const Pin& pin) const {
  if (hot_ && key.kind == KeyKind::kHashed) return pin.away;
  const RosterEntry* const home = roster().home(place_hash(key));
  return !home || home->backend->index != pin.backend || home->backend->generation != pin.generation;
}

// A place of a hot key looks like any hashed key, and may have its home from the places before it: by its own key it is
// told too often rather than too seldom.
bool Pool::is_away_beside(const AffinityKey& key, const Pin& pin) const {
  const OtherHomes* const homes = beside_.load(std::memory_order_seq_cst);
  return homes && homes->home(place_hash(key)) != identity_of(pin);
}

void Pool::list_exceptions(uint32_t& cursor, size_t most, const WantedExceptions& wanted, uint64_t now_ms,
                           FunctionRef<void(const Exception&)> visit) {
  const auto is_wanted = [this](const AffinityKey& key, const Pin& pin) { return is_exception(key, pin); };
  list_pins(cursor, most, wanted, now_ms, is_wanted, visit);
}

void Pool::list_becoming(uint32_t& cursor, size_t most, uint64_t idle_ms, const OtherHomes& homes, uint64_t now_ms,
                         FunctionRef<void(const Exception&)> visit) {
  const auto is_wanted = [&](const AffinityKey& key, const Pin& pin) {
    return !is_exception(key, pin) && homes.home(place_hash(key)) != identity_of(pin);
  };
  // What others made is theirs to tell: each would tell of the whole cluster's.
  list_pins(cursor, most, {.idle_ms = idle_ms, .adopted = false}, now_ms, is_wanted, visit);
}

void Pool::list_pins(uint32_t& cursor, size_t most, const WantedExceptions& wanted, uint64_t now_ms,
                     FunctionRef<bool(const AffinityKey&, const Pin&)> is_wanted,
                     FunctionRef<void(const Exception&)> visit) {
  if (!table_) return;
  for (const StickTable::Listed& entry : table_->list(cursor, most, now_ms)) {
    const Pin& pin = entry.found.pin;
    if (pin.provisional || !roster().find(pin.backend, pin.generation) || !is_wanted(entry.key, pin)) continue;
    const bool lives = live_.any(entry.key, table_->hash(entry.key));
    if (!lives && (entry.found.idle_ms > wanted.idle_ms || (pin.adopted && !wanted.adopted))) continue;
    const auto left = static_cast<uint64_t>(std::max<int64_t>(0, entry.found.expires_in_ms));
    visit({entry.key, identity_of(pin), lives ? rules_.ttl_ms : left});
  }
}

Adopted Pool::adopt(const AffinityKey& key, uint16_t backend, uint16_t generation, uint64_t ttl_ms, uint64_t now_ms,
                    bool despite_sessions) {
  const RosterEntry* const entry = roster().find(backend, generation);
  if (!entry || !table_) return Adopted::kUnknown;
  Pin pin{backend, generation, false, false};
  pin.away = is_exception(key, pin);
  pin.adopted = true;
  const uint64_t hash = table_->hash(key);
  StickTable::Locked locked(*table_, key, hash);
  const auto found = locked.find(now_ms);
  if (found && !found->pin.provisional && found->pin.same_backend(pin)) {
    if (found->expires_in_ms >= static_cast<int64_t>(ttl_ms)) return Adopted::kSame;
    pin.adopted = found->pin.adopted;
    locked.store(pin, now_ms, false, ttl_ms);
    return Adopted::kSame;
  }
  if (live_.any(key, hash)) {
    if (!despite_sessions) return Adopted::kLives;
    // They must not bring back at their end what is replaced here.
    live_.drop_origin(key, hash);
  }
  return locked.store(pin, now_ms, false, ttl_ms) == Stored::kRejected ? Adopted::kFull : Adopted::kStored;
}

bool Pool::forget(const AffinityKey& key, uint16_t backend, uint16_t generation, uint64_t now_ms) {
  if (!table_) return false;
  const uint64_t hash = table_->hash(key);
  StickTable::Locked locked(*table_, key, hash);
  const auto found = locked.find(now_ms);
  if (!found || !found->pin.same_backend({backend, generation, false, false}) || live_.any(key, hash)) return false;
  locked.erase();
  return true;
}

}  // namespace limpet
