// The roster: the immutable, numbered snapshot of a pool that a pick works on. Replaced whole, by one pointer swap.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "failure_row.h"
#include "pin.h"
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
  // A confirmed one that leads here.
  Pin pin(bool away) const { return {index, generation, away, false}; }
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
  // Takes the next turn of those who come, one every `every_ns`; who is ahead of that by `slack_ns` or less need not
  // wait. How long until the turn; nothing: longer than `most_ns`, and no turn is taken.
  std::optional<uint64_t> take_turn(uint64_t now_ns, uint64_t every_ns, uint64_t slack_ns, uint64_t most_ns) {
    uint64_t seen = next_turn_ns_.load(std::memory_order_relaxed);
    for (;;) {
      const uint64_t turn = std::max(seen, now_ns);
      const uint64_t ahead = turn - now_ns;
      const uint64_t wait = ahead > slack_ns ? ahead - slack_ns : 0;
      if (wait > most_ns) return std::nullopt;
      if (next_turn_ns_.compare_exchange_weak(seen, turn + every_ns, std::memory_order_relaxed)) return wait;
    }
  }
  // Sessions of another process on the backend, whose place this one has taken: they fill it as its own do.
  // Control plane.
  uint32_t inherited() const { return inherited_; }
  void inherit(uint32_t sessions) {
    const uint64_t more = uint64_t{sessions} - inherited_;  // wraps where there are fewer: word_ has at least as many
    inherited_ = sessions;
    word_.fetch_add(more, std::memory_order_acq_rel);
  }
  // Sessions of other balancers on the backend, as they have told last (pool_peers.cc): only the bound counts them.
  uint32_t peers() const { return peers_.load(std::memory_order_acquire); }
  void set_peers(uint32_t sessions) { peers_.store(sessions, std::memory_order_release); }
  // What the bound counts.
  uint64_t load() const { return uint64_t{sessions()} + peers(); }
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
  uint32_t inherited_ = 0;  // of the seats in word_
  std::atomic<uint32_t> peers_{0};
  std::atomic<uint64_t> connect_failures_{0};
  std::atomic<uint64_t> next_turn_ns_{0};  // where sessions are admitted at a rate
};

// Where a backend listens: opaque to the core, a socket address to the relay.
struct Endpoint {
  virtual ~Endpoint() = default;
};

// A backend that is wholly there; less while it warms up.
inline constexpr uint32_t kFullRamp = 1U << 16;

struct RosterEntry {
  Backend* backend = nullptr;
  std::shared_ptr<const Endpoint> endpoint;  // null: not known yet
  uint32_t weight = 0;
  uint32_t max_sessions = 0;  // 0: no limit
  BackendState state = BackendState::kReady;
  bool backup = false;        // serves only while no other backend takes new keys
  bool standby = false;       // is a backup, and another one does
  uint32_t ramp = kFullRamp;  // 1…kFullRamp: the part of its home keys, and of its bound, that it takes now
  uint64_t ramp_seed = 0;     // of the second hash; only below kFullRamp

  bool ready() const { return state == BackendState::kReady && weight > 0; }
  bool eligible() const { return ready() && !standby; }
  bool serves_pins() const { return state != BackendState::kDown && !standby; }
  // Its weight in the bound.
  uint64_t share() const { return uint64_t{weight} * ramp; }
  // Whether a key that is at home here may come yet. By a hash of its own: a growing ramp lets keys in, and none out.
  bool admits(uint64_t key_hash) const {
    return ramp >= kFullRamp || (mix64(key_hash + ramp_seed) & (kFullRamp - 1)) < ramp;
  }
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
  uint64_t eligible_share = 0;

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
