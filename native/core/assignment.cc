#include "assignment.h"

namespace limpet {

namespace {

__extension__ using Wide = unsigned __int128;

// Passes without the pool's lock, and with it. A pass that finds no room lost a race: sum(bounds) ≥ m + 1 means that a
// seat was there. Alone under the lock only releases and picks that were already under way can interfere, so the second
// number is far beyond what any number of threads can use up.
constexpr unsigned kFreePasses = 2;
constexpr unsigned kLockedPasses = 4 * kMaxThreads;

// kMaxSeats: what the backend's word can count.
constexpr uint32_t kMaxSeats = (1U << 24) - 1;

bool below_limit(const RosterEntry& entry, uint32_t sessions) {
  return sessions < (entry.max_sessions == 0 ? kMaxSeats : entry.max_sessions);
}

}  // namespace

bool Pool::Assignment::take_any(const RosterEntry& entry) {
  return entry.backend->take([&](uint32_t sessions) { return below_limit(entry, sessions); });
}

bool Pool::Assignment::candidate(const RosterEntry& entry) const {
  return entry.eligible() && !entry.full() && !seat_.has_tried(entry.backend);
}

// What is not on a candidate is subtracted from the pool's total, so that the usual pick walks nothing.
Pool::Assignment::Candidates Pool::Assignment::candidates() const {
  uint64_t elsewhere = 0;
  uint64_t share = roster_.eligible_share;
  for (const EntryIndex at : roster_.ineligible) elsewhere += roster_.entries[at].backend->load();
  for (const Backend* backend : roster_.removed) elsewhere += backend->load();
  // This pick is counted already: with so few seats taken in all, nobody can be at a limit.
  if (pool_.seats() > roster_.least_limit) {
    for (const EntryIndex at : roster_.limited) {
      const RosterEntry& entry = roster_.entries[at];
      if (!entry.full() || seat_.has_tried(entry.backend)) continue;
      elsewhere += entry.backend->load();
      share -= entry.share();
    }
  }
  for (const RosterEntry& entry : roster_.entries) {
    if (seat_.tried_count == 0) break;
    if (!entry.eligible() || !seat_.has_tried(entry.backend)) continue;
    elsewhere += entry.backend->load();
    share -= entry.share();
  }
  const uint64_t total =
      pool_.seats_.load(std::memory_order_acquire) + pool_.peer_seats_.load(std::memory_order_acquire);
  return {total > elsewhere ? total - elsewhere : 1, share};
}

// load < max(1, ceil(c · (m+1) · w / W)), without a division: for integers, load < ceil(x / y) iff load · y < x.
bool Pool::Assignment::has_room(const RosterEntry& entry, uint32_t sessions, const Candidates& all) const {
  const uint32_t bound_milli = pool_.bound_milli_.load(std::memory_order_relaxed);
  const uint64_t load = uint64_t{sessions} + entry.backend->peers();
  if (load == 0 || bound_milli == 0) return true;
  return Wide{load} * all.share * 1000 < Wide{all.sessions} * entry.share() * bound_milli;
}

bool Pool::Assignment::take(const RosterEntry& entry, const Candidates& all) const {
  return entry.backend->take(
      [&](uint32_t sessions) { return has_room(entry, sessions, all) && below_limit(entry, sessions); });
}

bool Pool::Assignment::try_home(const Candidates& all) {
  const uint64_t key = pool_.place_hash(seat_.key);
  const RosterEntry* const home = pool_.home_of(roster_, seat_, key);
  const bool overflows = home && home->eligible() && home->admits(key);
  reason = seat_.tried_count > 0 ? Reason::kRedispatch : overflows ? Reason::kOverflow : Reason::kFailover;
  if (!overflows || !candidate(*home) || !take(*home, all)) return false;
  entry = home;
  if (seat_.tried_count == 0) reason = Reason::kHome;
  return true;
}

bool Pool::Assignment::home_has_room(uint32_t coming) const {
  const uint64_t key = pool_.place_hash(seat_.key);
  const RosterEntry* const home = pool_.home_of(roster_, seat_, key);
  if (!home || !candidate(*home) || !home->admits(key)) return false;
  Candidates all = candidates();
  all.sessions++;
  const uint32_t sessions = home->backend->sessions() + coming;
  return has_room(*home, sessions, all) && below_limit(*home, sessions);
}

// The first of the key's order that has room; `barred`, which may be null, is passed over.
bool Pool::Assignment::try_others(const Candidates& all, const RosterEntry* barred) {
  const Tier& tier = roster_.on_backups ? roster_.backups : roster_.primaries;
  const Position position = tier.placement->first(pool_.place_hash(seat_.key), [&](Position at) {
    const RosterEntry& other = roster_.entries[tier.members[at]];
    return &other != barred && candidate(other) && has_room(other, other.backend->sessions(), all);
  });
  if (position == kNoPosition) return false;
  const RosterEntry& other = roster_.entries[tier.members[position]];
  if (!take(other, all)) return false;
  entry = &other;
  return true;
}

bool Pool::Assignment::pass() {
  const Candidates all = candidates();
  if (try_home(all)) return true;
  const uint64_t key = pool_.place_hash(seat_.key);
  const RosterEntry* const home = pool_.home_of(roster_, seat_, key);
  const RosterEntry* const barred = home && !home->admits(key) ? home : nullptr;
  if (try_others(all, barred)) return true;
  // A home that is still warming up is better than none; and a seat may be nowhere else.
  return barred && try_others(all, nullptr);
}

// The candidate with the least load for its weight; null: there is no candidate.
const RosterEntry* Pool::Assignment::emptiest() const {
  const RosterEntry* best = nullptr;
  uint64_t best_load = 0;
  for (const RosterEntry& other : roster_.entries) {
    if (!candidate(other)) continue;
    const uint64_t load = other.backend->load();
    if (best && Wide{load} * best->share() >= Wide{best_load} * other.share()) continue;
    best = &other;
    best_load = load;
  }
  return best;
}

bool Pool::Assignment::least_loaded_pass() {
  const RosterEntry* const best = emptiest();
  if (!best || !take(*best, candidates())) return false;
  entry = best;
  reason = seat_.tried_count > 0 ? Reason::kRedispatch : Reason::kNoKey;
  return true;
}

bool Pool::Assignment::emptiest_pass() {
  entry = emptiest();
  return entry && take_any(*entry);
}

// Why nobody is a candidate; kOk: somebody is.
PickStatus Pool::Assignment::verdict() const {
  PickStatus status = PickStatus::kNoBackend;
  for (const RosterEntry& other : roster_.entries) {
    if (!other.eligible() || seat_.has_tried(other.backend)) continue;
    if (!other.full()) return PickStatus::kOk;
    status = PickStatus::kPoolFull;
  }
  return status;
}

// Runs passes until one takes a seat, or nobody is a candidate.
PickStatus Pool::Assignment::settle(FunctionRef<bool()> pass) {
  for (unsigned i = 0; i < kFreePasses; i++) {
    if (pass()) return PickStatus::kOk;
    if (const PickStatus status = verdict(); status != PickStatus::kOk) return status;
  }
  const std::lock_guard lock(pool_.pick_mutex_);
  pool_.exclusive_.store(true, std::memory_order_seq_cst);
  PickStatus status = PickStatus::kOk;
  bool taken = false;
  for (unsigned i = 0; i < kLockedPasses && !taken && status == PickStatus::kOk; i++) {
    taken = pass();
    if (!taken) status = verdict();
  }
  if (!taken && status == PickStatus::kOk) {
    // Sessions leave backends that are no candidates as fast as they are counted, so m is seen too small every time.
    // Somebody has room all the same, and a client is not refused for a race.
    taken = emptiest_pass();
    if (!taken) status = PickStatus::kPoolFull;
  }
  pool_.exclusive_.store(false, std::memory_order_seq_cst);
  return status;
}

PickStatus Pool::Assignment::run() {
  return settle([this] { return pass(); });
}

PickStatus Pool::Assignment::run_without_key() {
  return settle([this] { return least_loaded_pass(); });
}

}  // namespace limpet
