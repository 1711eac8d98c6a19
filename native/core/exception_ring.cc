#include "exception_ring.h"

#include <algorithm>
#include <mutex>

namespace limpet {

void ExceptionRing::push(const PinEvent& event) {
  const std::lock_guard guard(lock_);
  if (pushed_ - gone_ == size_) {
    gone_++;
    dropped_++;
  }
  events_[pushed_++ % size_] = event;
}

size_t ExceptionRing::take(std::span<PinEvent> into) {
  const std::lock_guard guard(lock_);
  const auto count = static_cast<size_t>(std::min<uint64_t>(into.size(), pushed_ - gone_));
  for (size_t i = 0; i < count; i++) into[i] = events_[gone_++ % size_];
  return count;
}

size_t ExceptionRing::waiting() const {
  const std::lock_guard guard(lock_);
  return static_cast<size_t>(pushed_ - gone_);
}

uint64_t ExceptionRing::dropped() const {
  const std::lock_guard guard(lock_);
  return dropped_;
}

}  // namespace limpet
