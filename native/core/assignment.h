// Where a session goes that no pin decides: home, else the first backend of the key's order that is a candidate and has
// room under the bound. Takes the seat by compare-and-swap.
#pragma once

#include "pool.h"

namespace limpet {

class Pool::Assignment {
 public:
  Assignment(Pool& pool, const Roster& roster, Seat& seat) : pool_(pool), roster_(roster), seat_(seat) {}

  // On kOk `entry` and `reason` say where; its seat is taken.
  PickStatus run();
  // Home or nowhere. False: it may not come there now, or has no room.
  bool run_home() { return try_home(candidates()); }
  // There or nowhere. False: it may not come there now, or that has no room.
  bool run_at(const RosterEntry& entry) { return candidate(entry) && take(entry, candidates()); }
  // As run_home() for a session that is not counted yet, behind others that are not, without taking a seat.
  bool home_has_room(uint32_t coming) const;
  // The least loaded candidate by weight, for clients without a key.
  PickStatus run_without_key();

  const RosterEntry* entry = nullptr;
  Reason reason = Reason::kHome;

  // One more session on the backend unless it is at its hard limit.
  static bool take_any(const RosterEntry& entry);

 private:
  // The candidates of one pass (eligible, below maxSessions, not tried yet) and what the bound is made of.
  struct Candidates {
    uint64_t sessions;  // m + 1: sessions on the candidates, of peers too, picks under way, this one included
    uint64_t share;     // W, of weights as far as they are ramped
  };

  bool candidate(const RosterEntry& entry) const;
  Candidates candidates() const;
  // `sessions`: of this pool.
  bool has_room(const RosterEntry& entry, uint32_t sessions, const Candidates& all) const;
  bool take(const RosterEntry& entry, const Candidates& all) const;
  bool try_home(const Candidates& all);
  bool try_others(const Candidates& all, const RosterEntry* barred);
  bool pass();
  const RosterEntry* emptiest() const;
  bool least_loaded_pass();
  bool emptiest_pass();
  PickStatus verdict() const;
  PickStatus settle(FunctionRef<bool()> pass);

  Pool& pool_;
  const Roster& roster_;
  Seat& seat_;
};

}  // namespace limpet
