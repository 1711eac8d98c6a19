// Pins that lead away from home, as they come and go: what balancers of one cluster tell each other. Written by any
// thread in the moment in which a pin changes, read in batches by one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "affinity_key.h"
#include "spin_lock.h"

namespace limpet {

// What became of the pin of a key. Backends are told by their identity().
struct PinEvent {
  enum class Kind : uint8_t {
    kMade = 0,   // it leads to `backend`, which is not the key's home
    kEnded = 1,  // it led to `backend`, and does not any more: it is at home, or gone
  };
  static constexpr uint32_t kNobody = UINT32_MAX;  // no generation goes so far

  AffinityKey key;
  uint32_t backend = kNobody;
  uint32_t before = kNobody;  // of one that was made: where the key was pinned to, if that was elsewhere
  Kind kind = Kind::kMade;
};

// Bounded; the newest are kept. A lock, and not atomics: few connections in a hundred push, and none waits for a
// reader.
class ExceptionRing {
 public:
  // The most that wait to be read; > 0.
  explicit ExceptionRing(size_t size) : size_(size), events_(new PinEvent[size]) {}
  ExceptionRing(const ExceptionRing&) = delete;
  ExceptionRing& operator=(const ExceptionRing&) = delete;

  // From any thread. The oldest goes where there is no room.
  void push(const PinEvent& event);
  // The oldest, in the order in which they came; returns how many.
  size_t take(std::span<PinEvent> into);

  size_t waiting() const;
  // Those that nobody has read and nobody will.
  uint64_t dropped() const;

 private:
  const size_t size_;
  const std::unique_ptr<PinEvent[]> events_;
  mutable SpinLock lock_;
  uint64_t pushed_ = 0;
  uint64_t gone_ = 0;  // taken or dropped; the next to be read
  uint64_t dropped_ = 0;
};

}  // namespace limpet
