// One end of a bulk transfer: sends one pattern without end, and checks that the other one arrives.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>

#include "faults.h"
#include "pattern.h"

namespace limpet::bench {

class Stream {
 public:
  enum class End : uint8_t { kClient, kBackend };

  // Both ends take the seed of the message that began the transfer.
  Stream(End end, uint32_t seed) : down_(end == End::kClient), seed_(seed) {}

  // One recv. False: it ended, or a fault was counted. Adds to `bytes`.
  bool receive(int fd, Pattern& pattern, Faults& faults, std::atomic<uint64_t>& bytes);
  // One send. False: a fault was counted. Adds to `bytes`.
  bool send(int fd, const Pattern& pattern, Faults& faults, std::atomic<uint64_t>& bytes);

 private:
  uint64_t seed_of(bool down) const { return down ? seed_ : uint64_t{seed_} + kUpShift; }

  // So that neither direction looks like the other.
  static constexpr uint64_t kUpShift = 524'309;

  bool down_;  // what is received goes from the backend to the client
  uint32_t seed_;
  uint64_t sent_ = 0;
  uint64_t received_ = 0;
};

}  // namespace limpet::bench
