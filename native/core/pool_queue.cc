// Clients that wait for a seat because all backends are at their maxSessions.
//
// No call is lost: whoever gives a seat back changes m afterwards (seats_) and looks for waiters then; whoever joins
// changes m, too, and counts the free seats then. Of two changes of one atomic the later sees what came before the
// earlier, so that one of both sees the other. The same holds for a roster that is published.
#include <algorithm>

#include "pool.h"

namespace limpet {

namespace {

// It takes no new keys (drain), so that nobody waits for its seats, and has one.
bool serves_its_own(const RosterEntry* entry) {
  return entry && entry->serves_pins() && !entry->eligible() && !entry->full();
}

}  // namespace

// Whether the session's name or its key's pin leads to a backend that serves none of those who wait.
bool Pool::has_own_seat(const Seat& seat, uint64_t now_ms) {
  if (seat.named && serves_its_own(roster().find(seat.named->backend, seat.named->generation))) return true;
  if (!table_ || seat.key.none()) return false;
  const auto found = table_->find(seat.key, table_->hash(seat.key), now_ms);
  return found && serves_its_own(roster().find(found->pin.backend, found->pin.generation));
}

uint64_t Pool::free_seats(uint64_t enough) const {
  if (const uint64_t most = max_sessions_.load(std::memory_order_relaxed); most != 0) {
    enough = std::min(enough, most - std::min(most, seats()));
  }
  const Roster& now = roster();
  // Somebody eligible has no limit.
  if (now.entries.size() > now.ineligible.size() + now.limited.size()) return enough;
  uint64_t free = 0;
  for (const EntryIndex at : now.limited) {
    if (free >= enough) break;
    const RosterEntry& entry = now.entries[at];
    free += entry.max_sessions - std::min(entry.max_sessions, entry.backend->sessions());
  }
  return std::min(free, enough);
}

void Pool::call_waiters() {
  if (queue_->waiting() == 0) return;
  queue_->call([this](uint64_t enough) { return free_seats(enough); });
}

void Pool::touch_seats_and_call() {
  seats_.fetch_add(0, std::memory_order_acq_rel);
  call_waiters();
}

bool Pool::wait(Thread& thread, Seat& seat, Waiter& waiter, uint64_t now_ms) {
  waiter.since_ms = now_ms;
  if (!queue_->join(waiter)) {
    count(thread, PoolCounter::kQueueFull);
    return false;
  }
  count(thread, PoolCounter::kWaited);
  // Whoever failed it may be well again by its turn, and a seat that it would not take would hold up the others.
  seat.tried_count = 0;
  seat.leave_pin = false;
  touch_seats_and_call();
  return true;
}

PickStatus Pool::take_turn(Thread& thread, Seat& seat, Waiter& waiter, uint64_t now_ms) {
  // Told late: of one who had the waiter's place in its room before.
  if (!queue_->called(waiter)) return PickStatus::kPoolFull;
  const PickStatus status = place(thread, seat, now_ms);
  if (status == PickStatus::kOk) {
    queue_->leave(waiter);
    count(thread, PoolCounter::kWaitedMs, now_ms - waiter.since_ms);
  } else {
    seat.leave_pin = false;
    queue_->rejoin(waiter);
  }
  touch_seats_and_call();
  return status;
}

void Pool::stop_waiting(Thread& thread, Waiter& waiter, WaitEnd end, uint64_t now_ms) {
  count(thread, PoolCounter::kWaitedMs, now_ms - waiter.since_ms);
  if (end == WaitEnd::kTimeout) count(thread, PoolCounter::kQueueTimeouts);
  if (end == WaitEnd::kGone) count(thread, PoolCounter::kQueueLeft);
  forget_waiter(waiter);
}

// If it had been called, it is another one's turn.
void Pool::forget_waiter(Waiter& waiter) {
  queue_->leave(waiter);
  touch_seats_and_call();
}

}  // namespace limpet
