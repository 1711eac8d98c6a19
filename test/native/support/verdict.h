// What a pick must do, by a second implementation that walks the key's whole order.
#pragma once

#include "support/pools.h"

namespace limpet::test {

struct Verdict {
  PickStatus status = PickStatus::kNoBackend;
  Reason reason = Reason::kHome;
  std::string name;
};

// Without a pin, from the state before the pick. Backends that the seat has tried are out.
inline Verdict judge_placed(TestPool& pool, uint64_t number, const Seat& seat) {
  const auto takes_new = [](const RosterEntry& entry) {
    return entry.state == BackendState::kReady && entry.weight > 0;
  };
  const auto is_full = [](const RosterEntry& entry) {
    return entry.max_sessions != 0 && entry.backend->sessions() >= entry.max_sessions;
  };
  const auto load_of = [](const Backend& backend) { return uint64_t{backend.sessions()} + backend.peers(); };
  uint64_t sessions = 0;
  uint64_t weight = 0;
  bool eligible = false;
  for (const RosterEntry& entry : pool.pool.roster().entries) {
    if (!takes_new(entry) || seat.has_tried(entry.backend)) continue;
    eligible = true;
    if (is_full(entry)) continue;
    sessions += load_of(*entry.backend);
    weight += entry.weight;
  }
  if (weight == 0) return {eligible ? PickStatus::kPoolFull : PickStatus::kNoBackend, Reason::kHome, "-"};
  const std::vector<std::string> order = pool.order(number);
  const uint64_t milli = pool.pool.rules().bound_milli;
  for (const std::string& name : order) {
    const RosterEntry& entry = *pool.entry(name);
    if (!takes_new(entry) || is_full(entry) || seat.has_tried(entry.backend)) continue;
    const uint64_t bound = milli == 0 ? UINT64_MAX : bound_of(milli, sessions, entry.weight, weight);
    if (load_of(*entry.backend) >= bound) continue;
    Reason reason = name == order[0]                   ? Reason::kHome
                    : takes_new(*pool.entry(order[0])) ? Reason::kOverflow
                                                       : Reason::kFailover;
    if (seat.tried_count > 0) reason = Reason::kRedispatch;
    return {PickStatus::kOk, reason, name};
  }
  FAIL("the sum of the bounds leaves no seat");
  return {};
}

// The pin that a pick goes by. After a connect that failed, the one of before a return home that it was to confirm.
inline std::optional<Pin> pin_of(TestPool& pool, uint64_t number, const Seat& seat) {
  const auto found = pool.pool.table() ? pool.found(number) : std::nullopt;
  if (!found) return std::nullopt;
  if (pool.pool.rules().return_home == ReturnHome::kNever || !found->pin.provisional) return found->pin;
  const AffinityKey key = client(number);
  const auto origin = pool.pool.live_keys().origin(key, pool.pool.table()->hash(key));
  const RosterEntry* const before = origin ? pool.pool.roster().find(origin->backend, origin->generation) : nullptr;
  const RosterEntry* const tried = pool.pool.roster().find(found->pin.backend, found->pin.generation);
  const bool failed = seat.tried_count > 0 && tried && seat.tried[seat.tried_count - 1U] == tried->backend->identity();
  const bool serves = before && before->state != BackendState::kDown && !seat.has_tried(before->backend);
  return failed && serves ? *origin : found->pin;
}

// Whether the key goes home although its pin, at `entry`, could be followed. `placed`: where it goes without a pin.
inline bool returns(TestPool& pool, uint64_t number, const Pin& pin, const RosterEntry& entry, const Verdict& placed) {
  const ReturnHome rule = pool.pool.rules().return_home;
  if (rule == ReturnHome::kNever || !pin.away || pin.provisional) return false;
  const AffinityKey key = client(number);
  if (rule == ReturnHome::kAfterIdle && pool.pool.live_keys().any(key, pool.pool.table()->hash(key))) return false;
  return placed.status == PickStatus::kOk && placed.reason == Reason::kHome && placed.name != entry.backend->name;
}

// By the key's pin, if it can be followed and is not to be left for home; else by placement.
inline Verdict judge(TestPool& pool, uint64_t number, const Seat& seat) {
  const Verdict placed = judge_placed(pool, number, seat);
  const auto pin = pin_of(pool, number, seat);
  const RosterEntry* const entry = pin ? pool.pool.roster().find(pin->backend, pin->generation) : nullptr;
  if (!entry || entry->state == BackendState::kDown || seat.has_tried(entry->backend)) return placed;
  const bool again = seat.tried_count > 0;
  if (!again && returns(pool, number, *pin, *entry, placed)) return {PickStatus::kOk, Reason::kReturned, placed.name};
  if (entry->max_sessions == 0 || entry->backend->sessions() < entry->max_sessions) {
    return {PickStatus::kOk, again ? Reason::kRedispatch : Reason::kPin, entry->backend->name};
  }
  return {placed.status, again ? placed.reason : Reason::kOverflow, placed.name};
}

// The same for a seat whose connect failed.
inline Verdict judge_redispatch(TestPool& pool, uint64_t number, const Seat& seat) {
  Seat next = seat;
  next.tried[next.tried_count++] = seat.backend->identity();
  seat.backend->give_back();  // as it will be when the next one is chosen
  const Verdict wanted = judge(pool, number, next);
  seat.backend->take([](uint32_t) { return true; });
  return wanted;
}

}  // namespace limpet::test
