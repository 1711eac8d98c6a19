// The hot keys of a pool: those whose sessions are too many for one backend, and are spread over several. Whether a key
// is one is asked at every pick, without a lock; who becomes one, or ceases to be, is written under one.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "affinity_key.h"
#include "epoch.h"
#include "function_ref.h"
#include "hot_sketch.h"

namespace limpet {

// When a key is spread, and over how many.
struct HotRules {
  uint32_t share_milli = 0;  // of its home's bound, in thousandths: with more sessions it is hot
  uint32_t spread = 0;       // backends, at most kMostSpread; 0: no key is spread
  bool ipv6_only = false;    // only /64s of IPv6 are looked at

  bool any() const { return spread != 0; }
  bool concern(const AffinityKey& key) const { return !key.none() && (!ipv6_only || key.kind == KeyKind::kIpv6); }
};

inline constexpr uint32_t kMostSpread = 16;

class HotKeys {
 public:
  // A key with fewer sessions is no trouble for anybody, whatever its share.
  static constexpr uint32_t kLeastSessions = 16;
  // Sessions that a thread's sketch must have seen of a key, for certain, before anybody counts it exactly.
  static constexpr uint32_t kCandidate = 4;
  // A hot key is one until it has had less than half of what made it one, for so long.
  static constexpr uint64_t kCalmMs = 60'000;
  static constexpr uint64_t kReviewMs = 1'000;
  // Keys that are spread at one time; more stay as they are.
  static constexpr unsigned kMost = 64;

  explicit HotKeys(const HotRules& rules) : rules_(rules) {}
  ~HotKeys();
  HotKeys(const HotKeys&) = delete;
  HotKeys& operator=(const HotKeys&) = delete;

  const HotRules& rules() const { return rules_; }

  // `hash` is a keyed hash of the key, always the same one, and never told to clients.

  // One more session, of this thread. True: so many of it have come that it is worth an exact count.
  bool is_candidate(unsigned thread, const AffinityKey& key, uint64_t hash, uint64_t now_ms);
  bool is_hot(uint64_t hash) const;
  // False: there is no place for it.
  bool heat(const AffinityKey& key, uint64_t hash);
  // True, for one caller in kReviewMs: it calls review().
  bool is_due(uint64_t now_ms);
  // Looks at all of them: `is_calm` says that a key has few sessions now. Bounded by kMost. Not while another thread
  // does.
  void review(uint64_t now_ms, FunctionRef<bool(const AffinityKey&)> is_calm);

  std::vector<AffinityKey> all() const;
  uint32_t size() const { return size_.load(std::memory_order_relaxed); }

 private:
  struct Place {
    // 0: free. A key's hash stands for it: of 64 bits, under a secret.
    std::atomic<uint64_t> mark{0};
    AffinityKey key;             // what follows is under the lock
    uint64_t calm_since_ms = 0;  // 0: it is not calm
  };
  // Where a key may be: so many places in a row, and around the end.
  static constexpr unsigned kProbes = 8;

  static uint64_t mark_of(uint64_t hash) { return hash | 1; }
  static unsigned place_of(uint64_t hash, unsigned probe) {
    return (static_cast<unsigned>(hash >> 40) + probe) % kMost;
  }

  const HotRules rules_;
  std::array<Place, kMost> places_;
  std::atomic<uint32_t> size_{0};
  std::atomic<uint64_t> review_ms_{0};
  mutable std::mutex mutex_;
  std::array<std::unique_ptr<HotSketch>, kMaxThreads> sketches_;  // each made and used by the thread of that number
};

}  // namespace limpet
