// The roster: the immutable, numbered snapshot of a pool that a pick works on. Replaced whole, by one pointer swap.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "failure_row.h"
#include "placement.h"

namespace limpet {

// Enabled and healthy are separate facts of the control plane; this is what they come to for a pick.
enum class BackendState : uint8_t {
  kReady = 0,  // takes new keys, serves its pins
  kDrain = 1,  // serves its pins only
  kDown = 2,   // serves nobody
};

// One backend's record: what sessions hold on to. It outlives rosters; the pool frees it when it was removed, no
// session is on it and no thread can still look at a roster that names it.
struct alignas(64) Backend {
  Backend(std::string backend_name, uint16_t registry_index, uint16_t index_generation)
      : name(std::move(backend_name)), index(registry_index), generation(index_generation) {}

  const std::string name;
  const uint16_t index;  // in the pool's registry; reused after removal, under another generation
  const uint16_t generation;

  // Of this backend alone, for as long as an index has not gone through all its generations.
  uint32_t identity() const { return uint32_t{generation} << 16 | index; }
  uint32_t sessions() const { return static_cast<uint32_t>(word_.load(std::memory_order_acquire) & kSessionMask); }
  uint64_t total() const { return word_.load(std::memory_order_relaxed) >> kSessionBits; }
  uint64_t connect_failures() const { return connect_failures_.load(std::memory_order_relaxed); }
  void connect_failed() {
    connect_failures_.fetch_add(1, std::memory_order_relaxed);
    connect_row.failed();
  }

  // One more session if `room(sessions)` says so of the number there is now.
  template <typename Room>
  bool take(Room&& room) {
    uint64_t seen = word_.load(std::memory_order_relaxed);
    while (room(static_cast<uint32_t>(seen & kSessionMask))) {
      if (word_.compare_exchange_weak(seen, seen + (1ULL << kSessionBits) + 1, std::memory_order_acq_rel,
                                      std::memory_order_relaxed)) {
        return true;
      }
    }
    return false;
  }
  // The record may be gone as soon as this returns.
  void give_back() { word_.fetch_sub(1, std::memory_order_acq_rel); }

  // In a line of their own with what follows, which every pick writes.
  alignas(64) FailureRow connect_row;  // connects that failed
  FailureRow reset_row;                // sessions that it reset in their first moments, before it had sent anything

 private:
  static constexpr unsigned kSessionBits = 24;
  static constexpr uint64_t kSessionMask = (1ULL << kSessionBits) - 1;
  // Seats taken now (24 bits, connecting sessions included) and ever taken (40 bits) in one word: a seat costs one
  // locked instruction.
  std::atomic<uint64_t> word_{0};
  std::atomic<uint64_t> connect_failures_{0};
};

// Where a backend listens: opaque to the core, a socket address to the relay.
struct Endpoint {
  virtual ~Endpoint() = default;
};

struct RosterEntry {
  Backend* backend = nullptr;
  std::shared_ptr<const Endpoint> endpoint;  // null: not known yet
  uint32_t weight = 0;
  uint32_t max_sessions = 0;  // 0: no limit
  BackendState state = BackendState::kReady;
  bool backup = false;   // serves only while no other backend takes new keys
  bool standby = false;  // is a backup, and another one does

  bool ready() const { return state == BackendState::kReady && weight > 0; }
  bool eligible() const { return ready() && !standby; }
  bool serves_pins() const { return state != BackendState::kDown && !standby; }
  bool full() const { return max_sessions != 0 && backend->sessions() >= max_sessions; }
};

using EntryIndex = uint16_t;
inline constexpr EntryIndex kNoEntry = 0xffff;

// The placement of a part of the entries.
struct Tier {
  std::shared_ptr<const Placement> placement;
  std::vector<EntryIndex> members;  // placement position → entry
};

struct Roster {
  uint64_t number = 0;
  std::vector<RosterEntry> entries;           // by name
  std::vector<EntryIndex> by_registry_index;  // registry index → entry
  // Placement covers the entries of weight > 0, whatever their state, and is shared by the rosters of one membership.
  Tier primaries;                       // where homes are
  Tier backups;                         // the others, in an order of their own
  bool on_backups = false;              // no primary takes new keys
  std::vector<EntryIndex> ineligible;   // entries that take no new keys: not candidates
  std::vector<EntryIndex> limited;      // eligible entries with a maxSessions: candidates while below it
  uint32_t least_limit = 0;             // the least of their maxSessions
  std::vector<const Backend*> removed;  // gone from the pool, their sessions are not
  uint64_t eligible_weight = 0;

  // Null: there are no primaries of a weight.
  const RosterEntry* home(uint64_t key_hash) const {
    const Position position = primaries.placement->home(key_hash);
    return position == kNoPosition ? nullptr : &entries[primaries.members[position]];
  }
  // The entries of the key's whole order: primaries, then backups.
  std::vector<EntryIndex> order(uint64_t key_hash) const {
    std::vector<EntryIndex> all;
    for (const Tier* tier : {&primaries, &backups}) {
      for (const Position position : tier->placement->order(key_hash)) all.push_back(tier->members[position]);
    }
    return all;
  }
  // Null: the index is unknown here or was reused since.
  const RosterEntry* find(uint16_t registry_index, uint16_t generation) const {
    if (registry_index >= by_registry_index.size()) return nullptr;
    const EntryIndex at = by_registry_index[registry_index];
    if (at == kNoEntry || entries[at].backend->generation != generation) return nullptr;
    return &entries[at];
  }
};

}  // namespace limpet
