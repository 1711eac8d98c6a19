// The pool's backends as the control plane stages them, and the making of rosters from them. Any thread; one lock.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "function_ref.h"
#include "roster.h"
#include "stick_table.h"

namespace limpet {

struct BackendSettings {
  std::shared_ptr<const Endpoint> endpoint;
  uint32_t weight = 1;
  uint32_t max_sessions = 0;
  BackendState state = BackendState::kReady;
  bool backup = false;
  uint32_t ramp = kFullRamp;
};

class Registry {
 public:
  // Indexes that there are at most: twice the backends, for removed ones whose sessions go on.
  static constexpr size_t kMaxIndexes = 2 * kMaxBackends <= kMaxPinBackend ? 2 * kMaxBackends : kMaxPinBackend;

  explicit Registry(const PlacementRules& rules) : rules_(rules) {}

  // Adds or changes. The identity() of its record, or -1: kMaxBackends or kMaxIndexes reached. `table` may be null.
  int64_t set(const std::string& name, const BackendSettings& settings, StickTable* table);
  bool remove(const std::string& name, StickTable* table);
  // Null: it is not staged. Valid until it is removed.
  Backend* find(const std::string& name) const;
  // Backends that the table's file knows get the index and the generation that they had. Before the first set().
  void adopt(const TableFile& file);
  // Pins that came back, to backends that are not there: forgotten, and their indexes are free.
  void forget_absent(StickTable& table);
  // A new roster of what is staged; `previous` may be null. `released` gets records that no roster names any more: to
  // be given to free_records() once nobody can hold a roster as old as `previous`.
  std::unique_ptr<const Roster> make_roster(const Roster* previous, std::vector<Backend*>& released);
  // Frees records and their indexes; one on which a late pick took a seat waits for the next roster instead.
  void free_records(const std::vector<Backend*>& released);

  size_t indexes() const;
  // Every backend that is set, under the lock.
  void each_staged(FunctionRef<void(Backend&)> visit) const;
  // Every record, removed ones with sessions included, under the lock.
  void each(FunctionRef<void(const Backend&)> visit) const;

 private:
  struct Staged {
    Backend* backend;
    BackendSettings settings;
  };

  int claim_index(const std::string& name, StickTable* table);
  void forget_remembered(StickTable& table);
  void add_entries(Roster& roster) const;
  Tier make_tier(const Roster& roster, bool backup, const Roster* previous) const;

  const PlacementRules rules_;
  std::map<std::string, Staged> staged_;  // by name, bytewise: the order of positions
  std::vector<std::unique_ptr<Backend>> by_index_;
  std::vector<uint16_t> next_generation_;
  std::vector<uint16_t> free_indexes_;
  std::map<std::string, uint16_t, std::less<>> remembered_;  // of the file, not set yet: name → index
  std::vector<Backend*> removed_;  // not freed yet: sessions are on them, or a roster that readers hold names them
  std::vector<Backend*> fresh_;    // removed since the last roster, which names them as entries
  mutable std::mutex mutex_;
};

}  // namespace limpet
