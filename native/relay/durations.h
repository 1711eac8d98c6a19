// How long connects took, and how long sessions lasted: two histograms in the last columns of a thread's row of
// counters. The bounds are those of src/relay/durations.ts.
#pragma once

#include <algorithm>
#include <array>

#include "counters.h"

namespace limpet {

// The upper ends of buckets, inclusive. Behind them is a bucket for what took longer, and then the sum.
inline constexpr std::array<uint64_t, 14> kConnectBoundsUs{
    100, 500, 1'000, 2'500, 5'000, 10'000, 25'000, 50'000, 100'000, 250'000, 500'000, 1'000'000, 2'500'000, 5'000'000};
inline constexpr std::array<uint64_t, 14> kSessionBoundsMs{10,         100,        500,        1'000,      5'000,
                                                           15'000,     60'000,     300'000,    900'000,    3'600'000,
                                                           14'400'000, 43'200'000, 86'400'000, 604'800'000};

inline constexpr unsigned kConnectColumns = kSessionCounterColumns;
inline constexpr unsigned kSessionColumns = kConnectColumns + kConnectBoundsUs.size() + 2;
static_assert(kSessionColumns + kSessionBoundsMs.size() + 2 == kSessionCounterColumns + kDurationColumns);

template <size_t Buckets>
void count_duration(const SessionCounterRow& counters, unsigned first, const std::array<uint64_t, Buckets>& bounds,
                    uint64_t duration) {
  const auto bucket = std::lower_bound(bounds.begin(), bounds.end(), duration) - bounds.begin();
  counters.rows.add(counters.row, first + static_cast<unsigned>(bucket));
  counters.rows.add(counters.row, first + Buckets + 1, duration);
}

// A session was joined to its backend.
inline void count_connect(const SessionCounterRow& counters, uint64_t us) {
  count_duration(counters, kConnectColumns, kConnectBoundsUs, us);
}

// A session that was joined to a backend has ended.
inline void count_session(const SessionCounterRow& counters, uint64_t ms) {
  count_duration(counters, kSessionColumns, kSessionBoundsMs, ms);
}

}  // namespace limpet
