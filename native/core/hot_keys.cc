#include "hot_keys.h"

namespace limpet {

HotKeys::~HotKeys() = default;

bool HotKeys::is_candidate(unsigned thread, const AffinityKey& key, uint64_t hash, uint64_t now_ms) {
  std::unique_ptr<HotSketch>& sketch = sketches_[thread];
  if (!sketch) sketch = std::make_unique<HotSketch>();
  return sketch->add(key, hash, now_ms).at_least() >= kCandidate;
}

bool HotKeys::is_hot(uint64_t hash) const {
  if (size() == 0) return false;
  for (unsigned probe = 0; probe < kProbes; probe++) {
    if (places_[place_of(hash, probe)].mark.load(std::memory_order_acquire) == mark_of(hash)) return true;
  }
  return false;
}

bool HotKeys::heat(const AffinityKey& key, uint64_t hash) {
  const std::lock_guard lock(mutex_);
  Place* free = nullptr;
  for (unsigned probe = 0; probe < kProbes; probe++) {
    Place& place = places_[place_of(hash, probe)];
    const uint64_t mark = place.mark.load(std::memory_order_relaxed);
    if (mark == mark_of(hash)) return true;
    if (mark == 0 && !free) free = &place;
  }
  if (!free) return false;
  free->key = key;
  free->calm_since_ms = 0;
  free->mark.store(mark_of(hash), std::memory_order_release);
  size_.fetch_add(1, std::memory_order_relaxed);
  return true;
}

bool HotKeys::is_due(uint64_t now_ms) {
  if (size() == 0) return false;
  uint64_t due_ms = review_ms_.load(std::memory_order_relaxed);
  return now_ms >= due_ms && review_ms_.compare_exchange_strong(due_ms, now_ms + kReviewMs, std::memory_order_relaxed);
}

void HotKeys::review(uint64_t now_ms, FunctionRef<bool(const AffinityKey&)> is_calm) {
  const std::unique_lock lock(mutex_, std::try_to_lock);
  if (!lock) return;
  for (Place& place : places_) {
    if (place.mark.load(std::memory_order_relaxed) == 0) continue;
    if (!is_calm(place.key)) {
      place.calm_since_ms = 0;
    } else if (place.calm_since_ms == 0) {
      place.calm_since_ms = now_ms;
    } else if (now_ms >= place.calm_since_ms + kCalmMs) {
      place.mark.store(0, std::memory_order_release);
      size_.fetch_sub(1, std::memory_order_relaxed);
    }
  }
}

std::vector<AffinityKey> HotKeys::all() const {
  std::vector<AffinityKey> keys;
  const std::lock_guard lock(mutex_);
  for (const Place& place : places_) {
    if (place.mark.load(std::memory_order_relaxed) != 0) keys.push_back(place.key);
  }
  return keys;
}

}  // namespace limpet
