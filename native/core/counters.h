// Counters of a pool: one row of 64-bit columns a thread, each written by its thread alone and read in place by
// anybody.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>

#include "epoch.h"

namespace limpet {

// The order is that of POOL_COUNTERS in src/native.ts; the first eight are the reasons.
enum class PoolCounter : unsigned {
  kPin,
  kHome,
  kOverflow,
  kFailover,
  kRedispatch,
  kNoKey,
  kReturned,
  kCookie,
  kNoBackend,
  kPoolFull,
  kTableHits,
  kTableMisses,
  kTableInserted,
  kTableEvictedExpired,
  kTableEvictedHome,
  kTableEvictedAway,
  kTableEvictedAged,
  kTableRejected,
  kKeySessions,
  kKeyRate,
  kKeyRateShared,  // picks judged by a bucket that keys without one of their own share
  kHeld,           // sessions that had to wait until their backend took them
  kWaited,         // sessions that waited for a seat
  kWaitedMs,       // how long, in all, those who do so no longer
  kQueueTimeouts,
  kQueueFull,  // sessions that could not even wait
  kQueueLeft,  // clients that left while they waited
  kSpread,     // picks whose key was hot, so that it went to one of several places
  kCount,
};

// `Columns` is a multiple of eight, so that no two rows share a cache line.
template <unsigned Columns>
class CounterRows {
  static_assert(Columns % 8 == 0);

 public:
  explicit CounterRows(unsigned rows) : rows_(rows), lines_(new Line[rows * (Columns / 8)]) {}

  // Only the thread that owns `row` may add to it: a load and a store, no locked instruction.
  void add(unsigned row, unsigned column, uint64_t by = 1) {
    std::atomic_ref<uint64_t> cell(at(row, column));
    cell.store(cell.load(std::memory_order_relaxed) + by, std::memory_order_relaxed);
  }
  uint64_t sum(unsigned column) const {
    uint64_t total = 0;
    for (unsigned row = 0; row < rows_; row++)
      total += std::atomic_ref(at(row, column)).load(std::memory_order_relaxed);
    return total;
  }
  uint64_t* data() { return lines_[0].cells; }
  size_t bytes() const { return size_t{rows_} * Columns * sizeof(uint64_t); }

 private:
  struct alignas(64) Line {
    uint64_t cells[8] = {};
  };
  uint64_t& at(unsigned row, unsigned column) const {
    return lines_[row * (Columns / 8) + column / 8].cells[column % 8];
  }

  const unsigned rows_;
  std::unique_ptr<Line[]> lines_;
};

// What a usual pick adds to is in the first two cache lines of a row.
using PoolCounters = CounterRows<32>;
static_assert(static_cast<unsigned>(PoolCounter::kCount) <= 32);

}  // namespace limpet
