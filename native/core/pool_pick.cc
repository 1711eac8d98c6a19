// The picker: pin (or back home) → home → overflow, and what follows when a connect fails. See decisions on first
// touch, rollback and redispatch in docs/stick-table.md.
#include "assignment.h"
#include "pool.h"

namespace limpet {

namespace {

// A later connection of a client counts as a visit; connections that overlap count once a second.
constexpr uint64_t kVisitMs = 1000;

bool is_visit(const StickTable::Found& found, bool first_session) {
  return found.visits < 3 && (first_session || found.idle_ms >= kVisitMs);
}

}  // namespace

PoolCounter Pool::eviction_counter(Stored stored) {
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

PickStatus Pool::pick(Thread& thread, const AffinityKey& key, Seat& seat, uint64_t now_ms, bool may_wait, uint64_t by) {
  seat.key = key;
  if (limits_keys_.load(std::memory_order_acquire) && !key.none()) {
    const PickStatus refused = admit_key(thread, seat, now_ms);
    if (refused != PickStatus::kOk) return refused;
  }
  if (hot_ && hot_->rules().concern(key)) spread(thread, seat, by, now_ms);
  const bool waits = may_wait && queue_;
  if (waits && queue_->waiting() > 0 && !has_own_seat(seat, now_ms)) return PickStatus::kPoolFull;
  const PickStatus status = place(thread, seat, now_ms);
  if (status == PickStatus::kOk || (status == PickStatus::kPoolFull && waits)) return status;
  if (status == PickStatus::kPoolFull && queue_) count(thread, PoolCounter::kPoolFull);
  unclaim(seat);
  return status;
}

PickStatus Pool::place(Thread& thread, Seat& seat, uint64_t now_ms) {
  const AffinityKey& key = seat.key;
  const bool pinnable = table_ && !key.none();
  if (pinnable) {
    seat.table_hash = table_->hash(key);
    table_->prefetch(seat.table_hash);
  }
  // m first, then the seat: so m ≥ the sum of the loads at every moment, and a seat exists.
  if (!enter(seat)) return finish(thread, seat, PickStatus::kPoolFull);
  if (seat.named && follow_named(seat)) return finish(thread, seat, PickStatus::kOk);
  if (!pinnable) return finish(thread, seat, assign(seat));
  const auto found = table_->find(key, seat.table_hash, now_ms);
  if (!found) {
    count(thread, PoolCounter::kTableMisses);
    return finish(thread, seat, touch(thread, seat, now_ms));
  }
  count(thread, PoolCounter::kTableHits);
  if (may_return(found->pin) || !follow(roster(), found->pin, seat)) {
    return finish(thread, seat, touch(thread, seat, now_ms));
  }
  if (is_visit(*found, count_live(seat))) {
    StickTable::Locked(*table_, key, seat.table_hash).refresh(now_ms, true);
  }
  return finish(thread, seat, PickStatus::kOk);
}

PickStatus Pool::finish(Thread& thread, Seat& seat, PickStatus status) {
  if (status == PickStatus::kOk) {
    count(thread, static_cast<PoolCounter>(seat.reason));
    return status;
  }
  // With a queue it is counted by what becomes of it there.
  if (status == PickStatus::kNoBackend) count(thread, PoolCounter::kNoBackend);
  if (status == PickStatus::kPoolFull && !queue_) count(thread, PoolCounter::kPoolFull);
  exit(seat);
  return status;
}

// One more in m. False: the pool has as many sessions as it may.
bool Pool::enter(Seat& seat) {
  const uint32_t most = max_sessions_.load(std::memory_order_relaxed);
  if (most == 0) {
    seats_.fetch_add(1, std::memory_order_acq_rel);
    return seat.counted = true;
  }
  uint64_t seen = seats_.load(std::memory_order_acquire);
  do {
    if (seen >= most) return false;
  } while (!seats_.compare_exchange_weak(seen, seen + 1, std::memory_order_acq_rel));
  return seat.counted = true;
}

// A pick that failed. It may have kept somebody who waits from seeing that there was room in the pool.
void Pool::exit(Seat& seat) {
  if (!seat.counted) return;
  seats_.fetch_sub(1, std::memory_order_acq_rel);
  seat.counted = false;
  if (queue_ && max_sessions_.load(std::memory_order_relaxed) != 0) call_waiters();
}

void Pool::occupy(Seat& seat, const RosterEntry& entry, Reason reason) {
  seat.backend = entry.backend;
  seat.endpoint = entry.endpoint.get();
  seat.reason = reason;
}

bool Pool::follow_named(Seat& seat) {
  const RosterEntry* const entry = roster().find(seat.named->backend, seat.named->generation);
  if (!entry || !entry->serves_pins() || seat.has_tried(entry->backend) || !Assignment::take_any(*entry)) return false;
  occupy(seat, *entry, Reason::kCookie);
  seat.leave_pin = true;
  if (table_ && !seat.key.none()) count_live(seat);
  return true;
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
  seat.leave_pin = false;  // what sent it elsewhere before is over
  return true;
}

// While someone is running passes alone; before anything else is raised.
void Pool::await_turn() {
  if (exclusive_.load(std::memory_order_relaxed)) const std::lock_guard wait(pick_mutex_);
}

PickStatus Pool::assign(Seat& seat) {
  await_turn();
  Assignment assignment(*this, roster(), seat);
  const PickStatus status = seat.key.none() ? assignment.run_without_key() : assignment.run();
  if (status != PickStatus::kOk) return status;
  const Reason reason = seat.leave_pin && seat.tried_count == 0 ? Reason::kOverflow : assignment.reason;
  occupy(seat, *assignment.entry, reason);
  return status;
}

// First touch, the way home, and replacing a pin that can serve no longer: decided while the key's buckets are locked,
// so that parallel picks of one key agree.
PickStatus Pool::touch(Thread& thread, Seat& seat, uint64_t now_ms) {
  const RosterEntry* const block = has_block(seat.key) ? block_pin(seat.key, now_ms) : nullptr;
  StickTable::Locked locked(*table_, seat.key, seat.table_hash);
  const auto found = locked.find(now_ms);
  if (found && return_home(thread, locked, seat, found, now_ms)) return PickStatus::kOk;
  if (!found || !follow(roster(), found->pin, seat)) {
    return assign_and_pin(thread, locked, seat, found, now_ms, found ? nullptr : block);
  }
  if (is_visit(*found, count_live(seat))) locked.refresh(now_ms, true);
  return PickStatus::kOk;
}

// A pin that was made away from home; not one whose home has moved since, and none that is still being tried.
bool Pool::may_return(const Pin& pin) const {
  return pin.away && !pin.provisional && return_home_.load(std::memory_order_relaxed) != ReturnHome::kNever;
}

// Off home now, with a pin that could be followed: of others placement decides. Idle, where the rule wants that.
bool Pool::is_off_home(const Seat& seat, uint64_t hash, const Pin& pin) const {
  const bool idle_only = return_home_.load(std::memory_order_relaxed) == ReturnHome::kAfterIdle;
  if (idle_only && live_.any(seat.key, hash)) return false;
  const RosterEntry* const from = roster().find(pin.backend, pin.generation);
  return from && from->serves_pins() && home_of(roster(), seat, place_hash(seat.key)) != from;
}

// Brings the key home, where that has room under the bound. The pin of before is kept aside until a connect succeeds.
bool Pool::return_home(Thread& thread, StickTable::Locked& locked, Seat& seat, const MaybeFound& found,
                       uint64_t now_ms) {
  if (!may_return(found->pin) || !is_off_home(seat, seat.table_hash, found->pin)) return false;
  await_turn();
  Assignment assignment(*this, roster(), seat);
  if (!assignment.run_home()) return false;
  occupy(seat, *assignment.entry, Reason::kReturned);
  count_live(seat);
  store_pin(thread, locked, seat, found, true, now_ms);
  return true;
}

bool Pool::home_has_room(const AffinityKey& key, uint32_t coming) {
  Seat seat;
  seat.key = key;
  return Assignment(*this, roster(), seat).home_has_room(coming);
}

bool Pool::would_return(const AffinityKey& key, uint64_t now_ms) {
  if (!table_) return false;
  const uint64_t hash = table_->hash(key);
  const auto found = table_->find(key, hash, now_ms);
  if (!found || !may_return(found->pin)) return false;
  Seat seat;
  seat.key = key;
  return is_off_home(seat, hash, found->pin) && home_has_room(key);
}

// Home did not answer: back to where the key was, if that still serves it, before anybody else is asked.
void Pool::undo_return(StickTable::Locked& locked, const Seat& seat, const Pin& failed, uint64_t now_ms) {
  if (return_home_.load(std::memory_order_relaxed) == ReturnHome::kNever) return;
  const auto found = locked.find(now_ms);
  if (!found || !found->pin.provisional || !found->pin.same_backend(failed)) return;
  const auto origin = live_.origin(seat.key, seat.table_hash);
  const RosterEntry* const from = origin ? roster().find(origin->backend, origin->generation) : nullptr;
  if (!from || !from->serves_pins() || seat.has_tried(from->backend)) return;
  live_.drop_origin(seat.key, seat.table_hash);
  locked.store(*origin, now_ms, false);
}

// By placement, or to `first` if that has room; the pin (`found`, of before) goes along unless this session is to leave
// it alone.
PickStatus Pool::assign_and_pin(Thread& thread, StickTable::Locked& locked, Seat& seat, const MaybeFound& found,
                                uint64_t now_ms, const RosterEntry* first) {
  const PickStatus status = first && follow_block(*first, seat) ? PickStatus::kOk : assign(seat);
  if (status != PickStatus::kOk) return status;
  count_live(seat);
  if (!seat.leave_pin) store_pin(thread, locked, seat, found, true, now_ms);
  return status;
}

// The key has a live session: this one. A confirmed pin that a provisional one replaces is kept aside until a connect
// succeeds, or all sessions of the key are gone without one. `known`: the pin from before this session was counted as
// live, when one that had expired is in use again.
void Pool::store_pin(Thread& thread, StickTable::Locked& locked, Seat& seat, const MaybeFound& known, bool provisional,
                     uint64_t now_ms) {
  const Roster& now = roster();
  const RosterEntry* const home = home_of(now, seat, place_hash(seat.key));
  const bool at_home = home && home->backend == seat.backend;
  if (!provisional) {
    if (shares()) note_confirmed(seat.key, seat.table_hash, known, seat.backend->pin(!at_home));
    live_.drop_origin(seat.key, seat.table_hash);
  } else if (known && !known->pin.provisional && now.find(known->pin.backend, known->pin.generation)) {
    live_.keep_origin(seat.key, seat.table_hash, known->pin);
  }
  const Stored stored =
      locked.store({seat.backend->index, seat.backend->generation, !at_home, provisional}, now_ms, false);
  if (stored != Stored::kFree) count(thread, eviction_counter(stored));
  if (stored == Stored::kRejected) {
    seat.leave_pin = true;
  } else if (!known) {
    count(thread, PoolCounter::kTableInserted);
  }
}

// m stays raised: the next pick of the same session is under way.
PickStatus Pool::redispatch(Thread& thread, Seat& seat, bool local_failure, uint64_t now_ms) {
  const Pin failed{seat.backend->index, seat.backend->generation, false, false};
  if (seat.tried_count < seat.tried.size()) seat.tried[seat.tried_count++] = seat.backend->identity();
  seat.backend->give_back();
  seat.backend = nullptr;
  seat.endpoint = nullptr;
  seat.pinned = false;
  if (queue_) touch_seats_and_call();
  if (!table_ || seat.key.none()) return finish(thread, seat, assign(seat));
  if (local_failure) seat.leave_pin = true;

  StickTable::Locked locked(*table_, seat.key, seat.table_hash);
  undo_return(locked, seat, failed, now_ms);
  // Until leave(), the failed try still counts as live, so that its pin is not past its ttl.
  const auto found = locked.find(now_ms);
  const bool elsewhere = found && !found->pin.same_backend(failed);
  PickStatus status = PickStatus::kOk;
  if (elsewhere && follow(roster(), found->pin, seat)) {
    count_live(seat);
  } else {
    // Others brought it back to a backend that failed this session: it is theirs to move.
    const RosterEntry* const theirs = elsewhere ? roster().find(found->pin.backend, found->pin.generation) : nullptr;
    if (theirs && seat.has_tried(theirs->backend)) seat.leave_pin = true;
    // Another session of the key lives there, so the backend is not gone: only this session goes elsewhere.
    if (found && live_.established_on(seat.key, seat.table_hash, found->pin.backend)) seat.leave_pin = true;
    status = assign_and_pin(thread, locked, seat, found, now_ms);
  }
  leave(locked, seat, failed.backend, found, now_ms);
  seat.established = false;
  return finish(thread, seat, status);
}

bool Pool::knows(const AffinityKey& key, uint64_t now_ms) {
  if (!table_ || key.none()) return false;
  const auto found = table_->find(key, table_->hash(key), now_ms);
  const RosterEntry* const entry = found ? roster().find(found->pin.backend, found->pin.generation) : nullptr;
  return entry && entry->serves_pins();
}

void Pool::learn(Thread& thread, const AffinityKey& key, const Seat& seat, uint64_t now_ms) {
  if (!table_ || key.none() || !seat.backend) return;
  const Pin here{seat.backend->index, seat.backend->generation, false, false};
  const uint64_t hash = table_->hash(key);
  StickTable::Locked locked(*table_, key, hash);
  const auto found = locked.find(now_ms);
  if (found && found->pin.same_backend(here) && !found->pin.provisional) return locked.refresh(now_ms, false);
  const RosterEntry* const home = roster().home(place_hash(key));
  const bool at_home = home && home->backend == seat.backend;
  if (shares()) note_confirmed(key, hash, found, seat.backend->pin(!at_home));
  live_.drop_origin(key, hash);
  const Stored stored = locked.store({here.backend, here.generation, !at_home, false}, now_ms, false);
  if (stored != Stored::kFree) count(thread, eviction_counter(stored));
  if (!found && stored != Stored::kRejected) count(thread, PoolCounter::kTableInserted);
}

void Pool::confirm(Thread& thread, Seat& seat, uint64_t now_ms) {
  if (seat.established) return;
  seat.established = true;
  seat.backend->connect_row.went_well();
  if (!table_ || seat.key.none()) return;
  live_.establish(seat.key, seat.table_hash, seat.backend->index);
  if (seat.leave_pin || !confirm_pin(thread, seat, now_ms) || seat.leave_pin || !has_block(seat.key)) return;
  const RosterEntry* const home = roster().home(place_hash(seat.key));
  const bool away = !home || home->backend != seat.backend;
  note_block(&thread, seat.key, {seat.backend->index, seat.backend->generation, away, false}, now_ms);
}

// True: it was written.
bool Pool::confirm_pin(Thread& thread, Seat& seat, uint64_t now_ms) {
  const Pin here{seat.backend->index, seat.backend->generation, false, false};
  // The usual case, without a lock. Not so where it is new, where a parallel session moved or lost it, or where it was
  // evicted between the look-up and the count of this session.
  const auto seen = table_->find(seat.key, seat.table_hash, now_ms);
  if (seen && !seen->pin.provisional && seen->pin.same_backend(here)) return false;
  StickTable::Locked locked(*table_, seat.key, seat.table_hash);
  const auto found = locked.find(now_ms);
  // The pin follows to where the client is, unless another session of the key lives where it points to.
  const bool theirs =
      found && !found->pin.same_backend(here) && live_.established_on(seat.key, seat.table_hash, found->pin.backend);
  if (theirs) return false;
  store_pin(thread, locked, seat, found, false, now_ms);
  return true;
}

// One live session of the key less on a backend. If it was the last and none got through, so that the pin (`found`, of
// before) is still provisional, what was confirmed before comes back; if nothing was, the pin goes.
void Pool::leave(StickTable::Locked& locked, const Seat& seat, uint16_t backend, const MaybeFound& found,
                 uint64_t now_ms) {
  const LiveKeys::Released left = live_.release(seat.key, seat.table_hash, backend, seat.established);
  if (!left.last || !found || !found->pin.provisional) return;
  if (left.origin) {
    locked.store(*left.origin, now_ms, false);
  } else {
    locked.erase();
  }
}

void Pool::release_live(Seat& seat, bool failed, uint64_t now_ms) {
  const uint16_t backend = seat.backend->index;
  if (!failed) {
    // The ttl runs from the end of the last session. Before that end is counted: after it the pin would be past its
    // ttl, and in nobody's use, for a moment.
    const auto pin = table_->refresh(seat.key, seat.table_hash, now_ms);
    if (!pin || !pin->provisional) {
      if (pin && pin->away) note_block(nullptr, seat.key, *pin, now_ms);
      live_.release(seat.key, seat.table_hash, backend, seat.established);
      return;
    }
  }
  StickTable::Locked locked(*table_, seat.key, seat.table_hash);
  leave(locked, seat, backend, locked.find(now_ms), now_ms);
}

void Pool::release(Seat& seat, bool failed, uint64_t now_ms) {
  if (seat.backend) {
    if (table_ && !seat.key.none()) release_live(seat, failed && !seat.established, now_ms);
    seat.backend->give_back();
    seat.backend = nullptr;
    seat.endpoint = nullptr;
  }
  if (seat.counted) seats_.fetch_sub(1, std::memory_order_acq_rel);
  seat.counted = false;
  unclaim(seat);
  if (queue_) call_waiters();
}

}  // namespace limpet
