// Failures in a row of one backend. Any thread writes, the control plane takes; races lose a failure or two, no more.
#pragma once

#include <atomic>
#include <cstdint>

namespace limpet {

class FailureRow {
 public:
  void failed() {
    const uint32_t row = row_.fetch_add(1, std::memory_order_relaxed) + 1;
    if (row > longest_.load(std::memory_order_relaxed)) longest_.store(row, std::memory_order_relaxed);
  }
  // The usual case reads only.
  void went_well() {
    if (row_.load(std::memory_order_relaxed) != 0) row_.store(0, std::memory_order_relaxed);
  }
  // The longest row since the last one that was taken, if it is that long, and 0 otherwise. What was taken is not told
  // again, also if nothing has gone well since.
  uint32_t take(uint32_t at_least) {
    const uint32_t longest = longest_.load(std::memory_order_relaxed);
    if (longest < at_least) return 0;
    row_.store(0, std::memory_order_relaxed);
    longest_.store(0, std::memory_order_relaxed);
    return longest;
  }

 private:
  std::atomic<uint32_t> row_{0};
  std::atomic<uint32_t> longest_{0};
};

}  // namespace limpet
