// The picker: pin → home → overflow, and what follows when a connect fails. See decisions on first touch, rollback and
// redispatch in docs/stick-table.md.
#include "assignment.h"
#include "pool.h"

namespace limpet {

namespace {

// A later connection of a client counts as a visit; connections that overlap count once a second.
constexpr uint64_t kVisitMs = 1000;

PoolCounter eviction_counter(Stored stored) {
  switch (stored) {
    case Stored::kEvictedExpired:
      return PoolCounter::kTableEvictedExpired;
    case Stored::kEvictedHome:
      return PoolCounter::kTableEvictedHome;
    case Stored::kEvictedAway:
      return PoolCounter::kTableEvictedAway;
    case Stored::kEvictedAged:
      return PoolCounter::kTableEvictedAged;
    case Stored::kFree:
    case Stored::kRejected:
      break;
  }
  return PoolCounter::kTableRejected;
}

}  // namespace

PickStatus Pool::pick(Thread& thread, const AffinityKey& key, Seat& seat, uint64_t now_ms) {
  seat.key = key;
  const bool pinnable = table_ && !key.none();
  if (pinnable) {
    seat.table_hash = table_->hash(key);
    table_->prefetch(seat.table_hash);
  }
  // m first, then the seat: so m ≥ the sum of the loads at every moment, and a seat exists.
  seats_.fetch_add(1, std::memory_order_acq_rel);
  seat.counted = true;
  if (!pinnable) return finish(thread, seat, assign(thread, seat));
  const auto found = table_->find(key, seat.table_hash, now_ms);
  if (!found) {
    count(thread, PoolCounter::kTableMisses);
    return finish(thread, seat, touch(thread, seat, now_ms));
  }
  count(thread, PoolCounter::kTableHits);
  if (!follow(roster(), found->pin, seat)) return finish(thread, seat, touch(thread, seat, now_ms));
  const bool first_session = live_.acquire(key, seat.table_hash, seat.backend->index);
  if (found->visits < 3 && (first_session || found->idle_ms >= kVisitMs)) {
    StickTable::Locked(*table_, key, seat.table_hash).refresh(now_ms, true);
  }
  return finish(thread, seat, PickStatus::kOk);
}

PickStatus Pool::finish(Thread& thread, Seat& seat, PickStatus status) {
  if (status == PickStatus::kOk) {
    count(thread, static_cast<PoolCounter>(seat.reason));
    return status;
  }
  count(thread, status == PickStatus::kPoolFull ? PoolCounter::kPoolFull : PoolCounter::kNoBackend);
  seats_.fetch_sub(1, std::memory_order_acq_rel);
  seat.counted = false;
  return status;
}

void Pool::occupy(Seat& seat, const RosterEntry& entry, Reason reason) {
  seat.backend = entry.backend;
  seat.endpoint = entry.endpoint.get();
  seat.reason = reason;
}

// The pinned backend's seat, if it serves pins and is below its hard limit. The pin beats the bound.
bool Pool::follow(const Roster& roster, const Pin& pin, Seat& seat) {
  const RosterEntry* entry = roster.find(pin.backend, pin.generation);
  if (!entry || !entry->serves_pins() || seat.has_tried(entry->backend)) return false;
  if (!Assignment::take_any(*entry)) {
    seat.leave_pin = true;  // at its limit for the moment: this session goes elsewhere, the client's home stays
    return false;
  }
  occupy(seat, *entry, seat.tried_count > 0 ? Reason::kRedispatch : Reason::kPin);
  seat.pinned = !pin.provisional;
  return true;
}

PickStatus Pool::assign(Thread&, Seat& seat) {
  // Someone is running passes alone: wait for the turn before raising anything else.
  if (exclusive_.load(std::memory_order_relaxed)) const std::lock_guard wait(pick_mutex_);
  Assignment assignment(*this, roster(), seat);
  const PickStatus status = seat.key.none() ? assignment.run_without_key() : assignment.run();
  if (status != PickStatus::kOk) return status;
  const Reason reason = seat.leave_pin && seat.tried_count == 0 ? Reason::kOverflow : assignment.reason;
  occupy(seat, *assignment.entry, reason);
  return status;
}

// First touch, and replacing a pin that can serve no longer: decided while the key's buckets are locked, so that
// parallel picks of one key agree.
PickStatus Pool::touch(Thread& thread, Seat& seat, uint64_t now_ms) {
  StickTable::Locked locked(*table_, seat.key, seat.table_hash);
  const auto found = locked.find(now_ms);
  if (!found || !follow(roster(), found->pin, seat)) {
    const PickStatus status = assign(thread, seat);
    if (status != PickStatus::kOk) return status;
    if (!seat.leave_pin) store_pin(thread, locked, seat, true, now_ms);
  }
  live_.acquire(seat.key, seat.table_hash, seat.backend->index);
  return PickStatus::kOk;
}

void Pool::store_pin(Thread& thread, StickTable::Locked& locked, Seat& seat, bool provisional, uint64_t now_ms) {
  const Roster& now = roster();
  const Position home = now.placement->home(place_hash(seat.key));
  const bool at_home = home != kNoPosition && now.entries[now.members[home]].backend == seat.backend;
  const bool known = locked.find(now_ms).has_value();
  const Stored stored =
      locked.store({seat.backend->index, seat.backend->generation, !at_home, provisional}, now_ms, false);
  if (stored != Stored::kFree) count(thread, eviction_counter(stored));
  if (stored == Stored::kRejected) {
    seat.leave_pin = true;
  } else if (!known) {
    count(thread, PoolCounter::kTableInserted);
  }
}

// The seat goes back first, m stays raised: the next pick of the same session is under way.
void Pool::vacate(Seat& seat) {
  if (table_ && !seat.key.none()) {
    live_.release(seat.key, seat.table_hash, seat.backend->index, seat.established);
  }
  seat.backend->give_back();
  seat.backend = nullptr;
  seat.endpoint = nullptr;
  seat.established = false;
  seat.pinned = false;
}

PickStatus Pool::redispatch(Thread& thread, Seat& seat, bool local_failure, uint64_t now_ms) {
  Backend* const failed = seat.backend;
  if (seat.tried_count < seat.tried.size()) seat.tried[seat.tried_count++] = failed->index;
  const Pin failed_pin{failed->index, failed->generation, false, false};
  vacate(seat);
  if (!table_ || seat.key.none()) return finish(thread, seat, assign(thread, seat));
  if (local_failure) seat.leave_pin = true;

  StickTable::Locked locked(*table_, seat.key, seat.table_hash);
  const auto found = locked.find(now_ms);
  const bool here = found && found->pin.backend == failed_pin.backend && found->pin.generation == failed_pin.generation;
  if (found && !here && follow(roster(), found->pin, seat)) {
    live_.acquire(seat.key, seat.table_hash, seat.backend->index);
    return finish(thread, seat, PickStatus::kOk);
  }
  // Others brought it back to a backend that failed this session: it is theirs to move.
  const RosterEntry* const theirs = found && !here ? roster().find(found->pin.backend, found->pin.generation) : nullptr;
  if (theirs && seat.has_tried(theirs->backend)) seat.leave_pin = true;
  // Another session of the key lives there, so the backend is not gone: only this session goes elsewhere.
  if (found && live_.established_on(seat.key, seat.table_hash, found->pin.backend)) seat.leave_pin = true;
  const PickStatus status = assign(thread, seat);
  if (status == PickStatus::kOk) {
    if (!seat.leave_pin) {
      if (here && !found->pin.provisional && !seat.origin) seat.origin = found->pin;
      store_pin(thread, locked, seat, true, now_ms);
    }
    live_.acquire(seat.key, seat.table_hash, seat.backend->index);
  }
  return finish(thread, seat, status);
}

void Pool::confirm(Thread& thread, Seat& seat, uint64_t now_ms) {
  if (seat.established) return;
  seat.established = true;
  seat.origin.reset();
  if (!table_ || seat.key.none()) return;
  live_.establish(seat.key, seat.table_hash, seat.backend->index);
  if (seat.pinned || seat.leave_pin) return;
  StickTable::Locked locked(*table_, seat.key, seat.table_hash);
  const auto found = locked.find(now_ms);
  const bool other =
      found && (found->pin.backend != seat.backend->index || found->pin.generation != seat.backend->generation);
  // No entry: it was rolled back by a parallel pick that failed, or evicted. The client is here all the same, and the
  // pin follows it, unless another session of the key lives where the pin points to.
  if (!other || !live_.established_on(seat.key, seat.table_hash, found->pin.backend))
    store_pin(thread, locked, seat, false, now_ms);
}

// All tries failed. What this session put into the table and nobody else uses goes out again.
void Pool::roll_back(Seat& seat, uint64_t now_ms) {
  if (!table_ || seat.key.none() || seat.leave_pin || seat.tried_count == 0) return;
  StickTable::Locked locked(*table_, seat.key, seat.table_hash);
  const auto found = locked.find(now_ms);
  if (!found || !found->pin.provisional || found->pin.backend != seat.tried[seat.tried_count - 1]) return;
  if (seat.origin) {
    locked.store(*seat.origin, now_ms, false);  // a parallel session that succeeds elsewhere takes the pin along
  } else if (!live_.any(seat.key, seat.table_hash)) {
    locked.erase();
  }
}

void Pool::release(Seat& seat, bool failed, uint64_t now_ms) {
  if (seat.backend) {
    const bool pinnable = table_ && !seat.key.none();
    const bool roll = failed && !seat.established;
    if (roll && seat.tried_count < seat.tried.size()) seat.tried[seat.tried_count++] = seat.backend->index;
    if (pinnable && live_.release(seat.key, seat.table_hash, seat.backend->index, seat.established) && !roll) {
      // The ttl runs from the end of the last session.
      table_->refresh(seat.key, seat.table_hash, now_ms);
    }
    seat.backend->give_back();
    seat.backend = nullptr;
    seat.endpoint = nullptr;
  }
  if (failed && !seat.established) roll_back(seat, now_ms);
  if (seat.counted) seats_.fetch_sub(1, std::memory_order_acq_rel);
  seat.counted = false;
}

}  // namespace limpet
