// Live sessions per key and backend, counted exactly. A pin does not expire and is never evicted while one lives, which
// the slots of the stick table are too small to know. Sized by the session budget; a shard that fills doubles.
//
// Beside them, for as long as a session of the key lives: the confirmed pin that a provisional one has replaced (the
// key's origin), which comes back if none of its sessions gets through. And, where sessions per key are limited, how
// many the key has claimed: counted before a backend is known, so that no two threads take the same last one.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "affinity_key.h"
#include "pin.h"
#include "spin_lock.h"

namespace limpet {

class LiveKeys {
 public:
  // What release() leaves.
  struct Released {
    bool last = false;          // the key has no session left, on any backend
    std::optional<Pin> origin;  // handed out with the last one
  };

  // Room for `sessions` keys before a shard grows.
  explicit LiveKeys(size_t sessions);
  LiveKeys(const LiveKeys&) = delete;
  LiveKeys& operator=(const LiveKeys&) = delete;

  // `hash` is any hash of the key, always the same one. Each call locks one shard.

  // Counts one more session of the key on the backend. True if the key had none before, on any backend.
  bool acquire(const AffinityKey& key, uint64_t hash, uint16_t backend);
  // The session's connect succeeded.
  void establish(const AffinityKey& key, uint64_t hash, uint16_t backend);
  // Gives back what acquire (and establish, if `established`) counted.
  Released release(const AffinityKey& key, uint64_t hash, uint16_t backend, bool established);

  // Keeps a confirmed pin for the key, which has a live session. The first one kept stays.
  void keep_origin(const AffinityKey& key, uint64_t hash, const Pin& pin);
  std::optional<Pin> origin(const AffinityKey& key, uint64_t hash) const;
  // Forgets it: the key has a confirmed pin again.
  void drop_origin(const AffinityKey& key, uint64_t hash);

  // One more session of the key, unless it has `most` > 0 already. Counted apart from acquire() and release().
  bool claim(const AffinityKey& key, uint64_t hash, uint32_t most);
  void unclaim(const AffinityKey& key, uint64_t hash);

  bool any(const AffinityKey& key, uint64_t hash) const;
  bool established_on(const AffinityKey& key, uint64_t hash, uint16_t backend) const;
  // Sessions of the key on all backends.
  uint32_t count(const AffinityKey& key, uint64_t hash) const;

  static constexpr unsigned kShards = 64;
  // Sessions of one key on one backend.
  struct Sessions {
    AffinityKey key;
    uint16_t backend = 0;
    uint32_t sessions = 0;
  };
  // Those of one shard, copied, in no order.
  std::vector<Sessions> sessions(unsigned shard) const;
  // Keys of one shard, copied; one with sessions on several backends is there several times.
  std::vector<AffinityKey> keys(unsigned shard) const;

 private:
  struct Entry {
    uint64_t key = 0;
    uint32_t seats = 0;        // 0: a free cell
    uint32_t established = 0;  // of an origin: the pin, packed
    uint32_t hash = 0;         // its home cell, for growing and for closing gaps
    uint16_t backend = 0;      // kOriginMark: no backend, but the key's origin; kClaimMark: its claims, in `seats`
    KeyKind kind = KeyKind::kNone;

    bool is(const AffinityKey& wanted) const { return key == wanted.value && kind == wanted.kind; }
  };
  static_assert(sizeof(Entry) == 24);
  struct alignas(64) Shard {
    mutable SpinLock lock;
    std::vector<Entry> cells;  // power of two; linear probing
    size_t used = 0;
  };
  // What a key's probe run holds: cell numbers, kNowhere if there is none.
  struct Run {
    uint32_t seats = 0;  // on all backends
    size_t backend;
    size_t origin;
    size_t claims;
  };

  static constexpr size_t kNowhere = SIZE_MAX;
  static constexpr uint16_t kOriginMark = 0xffff;
  static constexpr uint16_t kClaimMark = 0xfffe;
  static_assert(kMaxPinBackend < kClaimMark);

  Shard& shard(uint64_t hash) { return shards_[hash >> 58]; }
  const Shard& shard(uint64_t hash) const { return shards_[hash >> 58]; }
  static Run scan(const Shard& shard, const AffinityKey& key, uint64_t hash, uint16_t backend);
  static void insert(Shard& shard, const Entry& entry);
  static void erase(Shard& shard, size_t at);
  static void grow(Shard& shard);

  std::array<Shard, kShards> shards_;
};

}  // namespace limpet
