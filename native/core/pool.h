// A pool: backends, rosters, stick table and loads behind one interface. The control plane stages and publishes (one
// thread at a time); any number of threads pick.
//
// A session's life: pick → (redispatch …) → confirm → release. Each call is by the one thread that owns the Seat then.
#pragma once

#include <array>
#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <span>

#include "affinity_key.h"
#include "counters.h"
#include "epoch.h"
#include "exception_ring.h"
#include "function_ref.h"
#include "hot_keys.h"
#include "key_rates.h"
#include "live_keys.h"
#include "pin.h"
#include "reason.h"
#include "registry.h"
#include "stick_table.h"
#include "wait_queue.h"

namespace limpet {

// What one affinity key may have. Clients without a key have no limits.
struct KeyLimits {
  uint32_t sessions = 0;    // live at one time, connecting ones included; 0: no limit
  uint32_t per_second = 0;  // new sessions; 0: no limit
  uint32_t burst = 0;       // of them at once, if per_second > 0; then > 0

  bool any() const { return sessions != 0 || per_second != 0; }
  bool same_rate(const KeyLimits& other) const { return per_second == other.per_second && burst == other.burst; }
};

// Where clients wait for a seat while all backends are at their maxSessions.
struct QueueRules {
  uint32_t size = 0;  // the most that wait; 0: nobody does
  uint64_t timeout_ms = 0;
};

// Why a client waits no longer that got no seat. The numbers are those of WaitEnd in src/native.ts.
enum class WaitEnd : uint8_t { kTimeout = 0, kGone = 1, kCut = 2 };

// When a key whose pin was made elsewhere goes home again. The numbers are those of src/pool/native-pool.ts.
enum class ReturnHome : uint8_t {
  kNever = 0,
  kNextConnect = 1,  // with its next session, while others of it may live elsewhere
  kAfterIdle = 2,    // with the first one after all others have ended
};

struct PoolRules {
  PlacementRules placement;
  KeyRules keys;
  // c · 1000, an integer: as a double, 1.1 · 50 rounds up to 56. 0: no bound.
  uint32_t bound_milli = 1250;
  size_t table_size = 0;  // 0: no stick table
  uint64_t ttl_ms = 0;
  Secret table_secret{};  // random per table
  size_t session_hint = 0;
  KeyLimits limits;
  uint32_t admit_per_second = 0;  // new sessions that a backend takes; 0: as many as come
  uint32_t max_sessions = 0;      // on all backends; 0: no limit of its own
  QueueRules queue;
  ReturnHome return_home = ReturnHome::kNever;
  HotRules hot;  // only with a stick table
};

// What became of a pin that another balancer made.
enum class Adopted : uint8_t {
  kStored = 0,
  kSame = 1,     // the key was pinned there already
  kLives = 2,    // it was not, but has sessions, and stays with them
  kFull = 3,     // nothing may be evicted for it
  kUnknown = 4,  // the backend is not in the roster
};

// A pin that leads away from home, and how long it still holds.
struct Exception {
  AffinityKey key;
  uint32_t backend;  // its identity()
  uint64_t ttl_ms;
};

struct WantedExceptions {
  uint64_t idle_ms = UINT64_MAX;  // those that were used since, or have sessions
  bool adopted = true;            // those of others, too, that have no sessions here
};

// Homes as other balancers have them, or will have, while a change of the membership goes from one to the next.
struct OtherHomes {
  std::shared_ptr<const Placement> placement;
  std::vector<uint32_t> identities;  // of the backends at its positions; PinEvent::kNobody: not here

  uint32_t home(uint64_t key_hash) const {
    const Position position = placement->home(key_hash);
    return position == kNoPosition ? PinEvent::kNobody : identities[position];
  }
};

// Further tries that a session may have; its Seat remembers which backends failed it.
inline constexpr unsigned kMaxRetries = 16;

// Far more than a process has descriptors for, and far less than a backend's record can count.
inline constexpr uint32_t kMostInherited = 1U << 22;

// A backend that a session names itself, by a cookie's token or a routing token of its protocol.
struct Named {
  uint16_t backend = 0;  // registry index
  uint16_t generation = 0;
};

// One session's claim on a backend.
struct Seat {
  AffinityKey key;
  uint64_t table_hash = 0;
  uint64_t hot_value = 0;
  Backend* backend = nullptr;                     // null: no seat
  const Endpoint* endpoint = nullptr;             // of that backend; valid while the thread that picked stays pinned
  std::array<uint32_t, kMaxRetries + 1> tried{};  // identities of backends that failed it
  uint8_t tried_count = 0;
  uint8_t place = 0;                  // of a hot key, whose place `key` is then; 0: `key` is the client's own
  KeyKind hot_kind = KeyKind::kNone;  // with hot_value: the client's own key, where it is not `key`
  Reason reason = Reason::kNoKey;
  bool counted : 1 = false;  // in the pool's m
  bool claimed : 1 = false;  // counted among its key's sessions, where those are limited
  bool established : 1 = false;
  bool pinned : 1 = false;  // the pin was confirmed for this backend when the seat was taken
  bool leave_pin : 1 =
      false;  // the table stays as it is: only this session goes elsewhere, or the key was not admitted

  // Set before the pick: followed like a pin, and the key decides only where that cannot be. The table is left alone.
  std::optional<Named> named;

  AffinityKey client_key() const { return place == 0 ? key : AffinityKey{hot_value, hot_kind}; }
  bool has_tried(const Backend* candidate) const {
    for (unsigned i = 0; i < tried_count; i++) {
      if (tried[i] == candidate->identity()) return true;
    }
    return false;
  }
};

class Pool {
 public:
  // What a thread needs to pick; owned by that thread, one per (thread, domain). It is pinned (EpochGuard) during every
  // call that takes one, unless it is the thread that publishes: a worker pins once for a batch of events.
  using Thread = EpochThread;

  Pool(const PoolRules& rules, std::shared_ptr<EpochDomain> domain);
  // With the table of a file, which has the size of the rules.
  Pool(const PoolRules& rules, std::shared_ptr<EpochDomain> domain, std::unique_ptr<TableFile> file,
       const TableMoment& now);
  ~Pool();
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  // Memory for the stick table could be had.
  bool usable() const { return !table_ || table_->usable(); }

  // Control plane; one thread publishes.
  // The backend's identity(), or -1: too many.
  int64_t set_backend(const std::string& name, const BackendSettings& settings);
  bool remove_backend(const std::string& name);
  uint64_t publish();
  // Bound, limits and the way home of other rules, for picks from now on; what else is in them is not looked at.
  // Sessions that live are not counted against a limit of their key that there was not before.
  void set_limits(const PoolRules& rules);
  // So many sessions of another process are on a backend, at most kMostInherited of them: its bound and its limit, and
  // those of the others, take them for sessions of this pool. False: there is no such backend.
  bool inherit(const std::string& name, uint32_t sessions);

  // What other balancers have on the backends that are set now, by registry index, as they have told last; those
  // without an element have none. Bounds count it from now on; limits, and all that is counted, do not. pool_peers.cc
  void set_peer_sessions(std::span<const uint32_t> by_index);

  // Data plane. `now_ms`: a monotonic clock, coarse will do.

  // Takes a seat for a new session; `seat` comes fresh, but for `named`. On failure nothing is held. `may_wait`: with
  // kPoolFull, which is said also while others wait, wait() or release() follows. `by`: what tells the client apart
  // from others with a hot key, always the same for the same client; 0: nothing does.
  PickStatus pick(Thread& thread, const AffinityKey& key, Seat& seat, uint64_t now_ms, bool may_wait = false,
                  uint64_t by = 0);
  // Keys that are learnt: a session tells one after it was placed by another (a cookie that the application sets, a
  // session id that the server gives), and comes back by it.

  // The key has a pin that can be followed now: pick by it. If not, the session has no such key.
  bool knows(const AffinityKey& key, uint64_t now_ms);
  // Pins the key to the seat's backend. The pin lasts from now on, as nobody lives by it.
  void learn(Thread& thread, const AffinityKey& key, const Seat& seat, uint64_t now_ms);
  // Counts a failed connect against the seat's backend.
  static void blame(Seat& seat) { seat.backend->connect_failed(); }
  // The seat's backend reset the session in its first moments; or it did not: it has answered, or the session is over.
  static void blame_reset(Seat& seat) { seat.backend->reset_row.failed(); }
  static void clear_reset(Seat& seat) { seat.backend->reset_row.went_well(); }
  // The connect to seat.backend failed: gives that seat back and takes one on a backend not tried yet. `local_failure`:
  // the cause was this host (no local port), so the pin stays. On failure the seat is empty, but still to be released.
  PickStatus redispatch(Thread& thread, Seat& seat, bool local_failure, uint64_t now_ms);
  // After kPoolFull, in a pool with a queue: the session waits, until its room is told that it is its turn, or it
  // stops. False: the queue is full.
  bool wait(Thread& thread, Seat& seat, Waiter& waiter, uint64_t now_ms);
  // It is its turn. Anything but kOk: its seat is gone, and it waits on, in its old place.
  PickStatus take_turn(Thread& thread, Seat& seat, Waiter& waiter, uint64_t now_ms);
  // It waits no longer, and has no seat.
  void stop_waiting(Thread& thread, Waiter& waiter, WaitEnd end, uint64_t now_ms);
  // The same of one whose thread is ending: nobody counts it.
  void forget_waiter(Waiter& waiter);
  // Those who wait now.
  uint32_t waiting() const { return queue_ ? queue_->waiting() : 0; }
  // Where a backend takes its new sessions at a rate: how many milliseconds this one has to wait before it connects; 0:
  // it need not. Nothing: longer than `most_ms`. Asked once after each pick and redispatch.
  std::optional<uint64_t> admit(Thread& thread, const Seat& seat, uint64_t now_ms, uint64_t most_ms);
  // After that wait: finds the endpoint anew. False: the backend serves nobody any more.
  bool serves_still(Seat& seat) const;
  // The connect succeeded: the pin is confirmed.
  void confirm(Thread& thread, Seat& seat, uint64_t now_ms);
  // Ends the session. `failed` without a confirm rolls the pin back. Pinned like the calls above, where there is a
  // queue.
  void release(Seat& seat, bool failed, uint64_t now_ms);

  // Control plane; pool_table.cc. What the table says is changed, sessions go on. A pool without a table has no pins.

  // Pins a key to a backend of the roster, for `ttl_ms` or the table's ttl, whichever is less. kRejected: nothing may
  // be evicted for it. Nothing: the backend is not in the roster.
  std::optional<Stored> set_pin(const AffinityKey& key, uint16_t backend, uint16_t generation, uint64_t ttl_ms,
                                uint64_t now_ms);
  // False: there was none.
  bool erase_pin(const AffinityKey& key, uint64_t now_ms);
  // Erases pins, those to one backend where it is given, as StickTable::erase_if() goes; returns how many.
  size_t erase_pins(uint32_t& cursor, const Backend* backend);

  // Of a pool that shares its exceptions with other balancers; pool_exceptions.cc. Control plane, the same thread
  // always, as the one that publishes.

  // From now on every exception that is made here, or ends here, is noted: the last `size` of them. Once.
  void share_exceptions(size_t size);
  // Null: they are not shared.
  ExceptionRing* exceptions() { return exceptions_.load(std::memory_order_acquire); }
  // Exceptions by the roster of now, as StickTable::list() goes.
  void list_exceptions(uint32_t& cursor, size_t most, const WantedExceptions& wanted, uint64_t now_ms,
                       FunctionRef<void(const Exception&)> visit);
  // The same of those that are none now, and are by other homes. Those of others, that have no sessions here, are left
  // out.
  void list_becoming(uint32_t& cursor, size_t most, uint64_t idle_ms, const OtherHomes& homes, uint64_t now_ms,
                     FunctionRef<void(const Exception&)> visit);
  // From now on what is made here and is an exception by these homes, too, is noted as one; null: no more. Only where
  // they are shared.
  void share_beside(std::unique_ptr<const OtherHomes> homes);
  // Takes a pin over that another balancer made; nobody is told of that. Sessions that live are not moved.
  // despite_sessions: a key that has sessions on another backend is pinned, too; they stay where they are.
  Adopted adopt(const AffinityKey& key, uint16_t backend, uint16_t generation, uint64_t ttl_ms, uint64_t now_ms,
                bool despite_sessions = false);
  // Another balancer has ended it. False: the key has no such pin, or has sessions, and keeps it.
  bool forget(const AffinityKey& key, uint16_t backend, uint16_t generation, uint64_t now_ms);

  // Of a table with a file; pool_table.cc. Nothing without one.

  // All backends are set that there were before: pins to others are forgotten.
  void forget_absent();
  // Keeps the file fit for a sudden end: its clocks, and a part of the pins that sessions use, whose ttl would begin
  // only at a close that then never comes. Once a second.
  void keep_table(const TableMoment& now);

  AffinityKey key(const ClientAddress& address) const { return make_key(address, rules_.keys); }
  AffinityKey key(std::span<const uint8_t> bytes) const { return make_key(bytes.data(), bytes.size(), rules_.keys); }
  // What was made with the pool; numbers that set_limits() changes are as they were then.
  const PoolRules& rules() const { return rules_; }
  uint32_t admit_per_second() const { return admit_per_second_.load(std::memory_order_relaxed); }
  StickTable* table() { return table_ ? table_.get() : nullptr; }
  LiveKeys& live_keys() { return live_; }
  const LiveKeys& live_keys() const { return live_; }
  // Shared with whoever reads them: they outlive the pool.
  const std::shared_ptr<PoolCounters>& counters() { return counters_; }
  EpochDomain& domain() { return *domain_; }
  uint64_t place_hash(const AffinityKey& key) const {
    return hash_key(home_key(key, rules_.keys), rules_.placement.secret);
  }
  // Sessions on all backends plus picks under way.
  uint64_t seats() const { return seats_.load(std::memory_order_relaxed); }
  // Only while a Thread is pinned, or on the thread that publishes.
  const Roster& roster() const { return *roster_.load(std::memory_order_seq_cst); }
  const Registry& registry() const { return *registry_; }
  // The backends that new clients come to now, each with its bound: the number of sessions here with which it would
  // get none; kNoBound where there is none. As roster().
  void each_candidate(FunctionRef<void(const Backend&, uint64_t)> visit) const;
  static constexpr uint64_t kNoBound = UINT64_MAX;
  // Whether the key's home would take one more session of it now, if `coming` more were there already. As roster().
  bool home_has_room(const AffinityKey& key, uint32_t coming = 0);
  // Whether the key is hot, so that its clients are told apart by the `by` of pick(). A predictable branch where none
  // can be.
  bool is_spread(const AffinityKey& key) const;
  // Tells clients of one prefix apart by their whole addresses.
  uint64_t apart_by(const ClientAddress& address) const;
  // Null: no key is ever spread.
  const HotKeys* hot_keys() const { return hot_.get(); }
  // The key of a place of a hot key; that of place 0 is the key itself.
  AffinityKey key_of_place(const AffinityKey& key, unsigned place) const;
  // Null: there are no homes. As roster().
  const RosterEntry* home_of_place(const Roster& roster, const AffinityKey& key, unsigned place) const;
  // Where clients of the key's block were sent that are not at home (`ipv6Prefix: auto`), and this one will be if it
  // has no pin and there is room; null: nothing is known of any. As roster().
  const RosterEntry* block_pin(const AffinityKey& key, uint64_t now_ms) const;
  // Whether the key's next session, if it came now, would bring it home by the rule. As roster().
  bool would_return(const AffinityKey& key, uint64_t now_ms);

 private:
  class Assignment;  // assignment.h: where a session without a usable pin goes

  using MaybeFound = std::optional<StickTable::Found>;

  void count(Thread& thread, PoolCounter counter, uint64_t by = 1) {
    counters_->add(thread.number(), static_cast<unsigned>(counter), by);
  }
  // pool_exceptions.cc. A predictable branch where they are not shared.
  bool shares() const { return exceptions_.load(std::memory_order_relaxed) != nullptr; }
  bool is_exception(const AffinityKey& key, const Pin& pin) const;
  bool is_away_beside(const AffinityKey& key, const Pin& pin) const;
  void note_confirmed(const AffinityKey& key, uint64_t hash, const MaybeFound& known, const Pin& pin);
  void note_erased(const AffinityKey& key, const Pin& pin);
  void list_pins(uint32_t& cursor, size_t most, const WantedExceptions& wanted, uint64_t now_ms,
                 FunctionRef<bool(const AffinityKey&, const Pin&)> is_wanted,
                 FunctionRef<void(const Exception&)> visit);
  void set_peers(Backend& backend, uint32_t sessions);
  // pool_hot.cc
  uint64_t hot_hash(const AffinityKey& key) const;
  uint64_t sessions_of_places(const AffinityKey& key) const;
  bool is_too_much(const AffinityKey& key, uint64_t sessions, uint64_t per_mille) const;
  void review_hot_keys(uint64_t now_ms);
  void spread(Thread& thread, Seat& seat, uint64_t by, uint64_t now_ms);
  // `key_hash`: place_hash() of the seat's key.
  const RosterEntry* home_of(const Roster& roster, const Seat& seat, uint64_t key_hash) const {
    if (seat.place != 0) return home_of_place(roster, seat.client_key(), seat.place);
    return roster.home(key_hash);
  }
  // pool_block.cc
  bool has_block(const AffinityKey& key) const { return rules_.keys.ipv6_auto && key.kind == KeyKind::kIpv6; }
  AffinityKey block_key(const AffinityKey& key) const;
  bool follow_block(const RosterEntry& entry, Seat& seat);
  void note_block(Thread* thread, const AffinityKey& key, const Pin& pin, uint64_t now_ms);
  void forget_block(const AffinityKey& key);
  static PoolCounter eviction_counter(Stored stored);
  // pool_queue.cc
  bool has_own_seat(const Seat& seat, uint64_t now_ms);
  uint64_t free_seats(uint64_t enough) const;
  void call_waiters();
  void touch_seats_and_call();
  PickStatus place(Thread& thread, Seat& seat, uint64_t now_ms);
  bool enter(Seat& seat);
  void exit(Seat& seat);
  PickStatus admit_key(Thread& thread, Seat& seat, uint64_t now_ms);
  void unclaim(Seat& seat);
  PickStatus finish(Thread& thread, Seat& seat, PickStatus status);
  PickStatus assign(Seat& seat);
  bool follow(const Roster& roster, const Pin& pin, Seat& seat);
  PickStatus touch(Thread& thread, Seat& seat, uint64_t now_ms);
  bool may_return(const Pin& pin) const;
  bool is_off_home(const Seat& seat, uint64_t hash, const Pin& pin) const;
  bool return_home(Thread& thread, StickTable::Locked& locked, Seat& seat, const MaybeFound& found, uint64_t now_ms);
  void undo_return(StickTable::Locked& locked, const Seat& seat, const Pin& failed, uint64_t now_ms);
  PickStatus assign_and_pin(Thread& thread, StickTable::Locked& locked, Seat& seat, const MaybeFound& found,
                            uint64_t now_ms, const RosterEntry* first = nullptr);
  bool confirm_pin(Thread& thread, Seat& seat, uint64_t now_ms);
  void store_pin(Thread& thread, StickTable::Locked& locked, Seat& seat, const MaybeFound& known, bool provisional,
                 uint64_t now_ms);
  void occupy(Seat& seat, const RosterEntry& entry, Reason reason);
  bool follow_named(Seat& seat);
  void await_turn();
  // True: it is the key's only session.
  bool count_live(const Seat& seat) { return live_.acquire(seat.key, seat.table_hash, seat.backend->index); }
  void leave(StickTable::Locked& locked, const Seat& seat, uint16_t backend, const MaybeFound& found, uint64_t now_ms);
  void release_live(Seat& seat, bool failed, uint64_t now_ms);

  const PoolRules rules_;
  const std::shared_ptr<EpochDomain> domain_;
  LiveKeys live_;
  std::unique_ptr<StickTable> table_;
  unsigned kept_shard_ = 0;  // of live_, that keep_table() goes on with
  // What set_limits() changes: each is read alone, so that nothing has to be in step.
  KeyLimits limits_;  // the control plane's
  std::atomic<uint32_t> bound_milli_;
  std::atomic<uint32_t> admit_per_second_;
  std::atomic<uint32_t> max_sessions_;
  std::atomic<ReturnHome> return_home_;
  std::atomic<uint32_t> sessions_per_key_;
  std::atomic<bool> limits_keys_;
  std::atomic<KeyRates*> rates_;                     // owned; null: how fast sessions come is not limited
  std::atomic<ExceptionRing*> exceptions_{nullptr};  // owned; set once
  std::atomic<const OtherHomes*> beside_{nullptr};   // owned; null: all balancers have the same homes
  const std::unique_ptr<HotKeys> hot_;               // null: no key is spread
  const std::unique_ptr<WaitQueue> queue_;           // null: nobody waits for a seat
  const std::shared_ptr<PoolCounters> counters_;
  std::atomic<const Roster*> roster_;
  alignas(64) std::atomic<uint64_t> seats_{0};  // m: raised before a seat is taken, lowered after it was given back
  std::atomic<uint64_t> peer_seats_{0};         // the same, of other balancers' sessions: read beside it by every pick
  // Set while one pick runs its passes alone, so that contention cannot starve it.
  alignas(64) std::atomic<bool> exclusive_{false};
  std::mutex pick_mutex_;
  // Shared with the epoch domain, which frees records when no reader is left, perhaps after the pool is gone.
  const std::shared_ptr<Registry> registry_;
};

}  // namespace limpet
