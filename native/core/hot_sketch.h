// Which keys open the most sessions, in memory that does not grow: Space-Saving (Metwally, Agrawal, El Abbadi,
// "Efficient Computation of Frequent and Top-k Elements in Data Streams", ICDT 2005). A key that is not among those
// that are counted takes the place of the rarest one, and its count, which is how far its own may be wrong. Of n
// sessions with m counters no count is too low, none is too high by more than n / m, and every key with more than n / m
// is counted.
//
// Ages by the clock: each half-life halves what is counted, n with it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "affinity_key.h"

namespace limpet {

// Of one thread.
class HotSketch {
 public:
  static constexpr unsigned kCounters = 256;
  static constexpr uint64_t kHalfLifeMs = 10 * 60 * 1000;

  struct Count {
    uint32_t count = 0;
    uint32_t error = 0;  // of `count`, at most: so many may be of others

    uint32_t at_least() const { return count - error; }
  };

  HotSketch();
  HotSketch(const HotSketch&) = delete;
  HotSketch& operator=(const HotSketch&) = delete;

  // One more session of the key; `hash` is a keyed hash of it, always the same one. A fixed number of steps, but for
  // the one call of a half-life that halves all.
  Count add(const AffinityKey& key, uint64_t hash, uint64_t now_ms);
  // Nothing (0 of 0): it is not counted.
  Count of(const AffinityKey& key, uint64_t hash) const;
  // All sessions that were added, aged like the counts.
  uint64_t total() const { return total_; }

 private:
  using Index = uint16_t;
  static constexpr Index kNone = 0xffff;
  static constexpr unsigned kChains = 512;
  using Counts = std::array<uint32_t, kCounters>;  // by counter

  struct Counter {
    AffinityKey key;
    uint32_t error = 0;
    Index place = 0;      // in order_
    Index group = kNone;  // of all that have the same count
    Index next = kNone;   // in its chain
    Index chain = kNone;  // kNone: it counts nobody yet
  };
  // A run of order_ with one count, which is greater than that of the run before it.
  struct Group {
    uint32_t count = 0;
    Index begin = 0;
    Index end = 0;  // one behind its last
  };

  Index find(const AffinityKey& key, Index chain) const;
  Index take_rarest(const AffinityKey& key, Index chain);
  void unlink(Index at);
  void raise(Index at);
  void swap_places(Index left, Index right);
  Index new_group(uint32_t count, Index begin, Index end);
  void age(uint64_t now_ms);
  void halve();
  void regroup(const Counts& counts);

  std::array<Counter, kCounters> counters_;
  std::array<Index, kCounters> order_;  // by count, least first
  std::array<Group, kCounters> groups_;
  std::array<Index, kCounters> free_groups_;
  std::array<Index, kChains> chains_;
  unsigned free_ = 0;  // of free_groups_
  uint64_t total_ = 0;
  uint64_t halved_ms_ = 0;  // 0: nothing was added yet
};

}  // namespace limpet
