// Live sessions per key and backend, counted exactly. A pin does not expire and is never evicted while one lives, which
// the slots of the stick table are too small to know. Sized by the session budget; a shard that fills doubles.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "affinity_key.h"
#include "spin_lock.h"

namespace limpet {

class LiveKeys {
 public:
  // Room for `sessions` keys before a shard grows.
  explicit LiveKeys(size_t sessions);
  LiveKeys(const LiveKeys&) = delete;
  LiveKeys& operator=(const LiveKeys&) = delete;

  // `hash` is any hash of the key, always the same one. Each call locks one shard.

  // Counts one more session of the key on the backend. True if the key had none before, on any backend.
  bool acquire(const AffinityKey& key, uint64_t hash, uint16_t backend);
  // The session's connect succeeded.
  void establish(const AffinityKey& key, uint64_t hash, uint16_t backend);
  // Gives back what acquire (and establish, if `established`) counted. True if the key has none left, on any backend.
  bool release(const AffinityKey& key, uint64_t hash, uint16_t backend, bool established);

  bool any(const AffinityKey& key, uint64_t hash) const;
  bool established_on(const AffinityKey& key, uint64_t hash, uint16_t backend) const;
  // Sessions of the key on all backends.
  uint32_t count(const AffinityKey& key, uint64_t hash) const;

 private:
  struct Entry {
    uint64_t key = 0;
    uint32_t seats = 0;  // 0: a free cell
    uint32_t established = 0;
    uint16_t backend = 0;
    KeyKind kind = KeyKind::kNone;
    uint32_t hash = 0;  // its home cell, for growing and for closing gaps

    bool is(const AffinityKey& wanted) const { return key == wanted.value && kind == wanted.kind; }
  };
  struct alignas(64) Shard {
    mutable SpinLock lock;
    std::vector<Entry> cells;  // power of two; linear probing
    size_t used = 0;
  };

  static constexpr unsigned kShards = 64;
  Shard& shard(uint64_t hash) { return shards_[hash >> 58]; }
  const Shard& shard(uint64_t hash) const { return shards_[hash >> 58]; }
  // Sums the seats of the key in its probe run; `exact` gets the entry of (key, backend), or null.
  static uint32_t scan(const Shard& shard, const AffinityKey& key, uint32_t hash, uint16_t backend,
                       const Entry** exact);
  static void insert(Shard& shard, const Entry& entry);
  static void erase(Shard& shard, size_t at);
  static void grow(Shard& shard);

  std::array<Shard, kShards> shards_;
};

}  // namespace limpet
