// Monotonic time; wall time plays no part in the data plane.
#pragma once

#include <ctime>

#include <cstdint>

namespace limpet {

inline uint64_t read_clock_us(clockid_t clock) {
  timespec now{};
  clock_gettime(clock, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1'000'000 + static_cast<uint64_t>(now.tv_nsec) / 1000;
}

inline uint64_t monotonic_us() { return read_clock_us(CLOCK_MONOTONIC); }
inline uint64_t monotonic_ms() { return monotonic_us() / 1000; }

// Some milliseconds coarse, and a third of the cost.
inline uint64_t coarse_ms() {
#ifdef CLOCK_MONOTONIC_COARSE
  return read_clock_us(CLOCK_MONOTONIC_COARSE) / 1000;
#else
  return monotonic_ms();
#endif
}

}  // namespace limpet
