// Latencies in buckets whose width grows with the value, as HdrHistogram has them: never wrong by more than 1/64.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>

namespace limpet::bench {

class Histogram {
 public:
  void add(uint64_t value) {
    counts_[bucket_of(value)]++;
    total_++;
    if (value > most_) most_ = value;
  }

  void add(const Histogram& other) {
    for (size_t i = 0; i < counts_.size(); i++) counts_[i] += other.counts_[i];
    total_ += other.total_;
    if (other.most_ > most_) most_ = other.most_;
  }

  // The least value that so many thousandths of all values do not exceed, rounded up to the end of its bucket.
  uint64_t quantile(unsigned thousandths) const {
    const uint64_t wanted = (total_ * thousandths + 999) / 1000;
    uint64_t seen = 0;
    for (size_t i = 0; i < counts_.size(); i++) {
      seen += counts_[i];
      if (seen >= wanted && seen > 0) return std::min(end_of(i), most_);
    }
    return 0;
  }

  uint64_t total() const { return total_; }
  uint64_t most() const { return most_; }

 private:
  static constexpr unsigned kBits = 6;  // 64 buckets from each power of two to the next
  static constexpr uint64_t kHalf = 1ULL << kBits;
  static constexpr unsigned kGroups = 64 - kBits;

  // Values below 2 * kHalf have a bucket each; above, the highest kBits + 1 bits tell.
  static size_t bucket_of(uint64_t value) {
    const unsigned width = static_cast<unsigned>(std::bit_width(value | kHalf));
    const unsigned shift = width - kBits - 1;
    return (static_cast<size_t>(shift) << kBits) + static_cast<size_t>(value >> shift);
  }

  static uint64_t end_of(size_t bucket) {
    if (bucket < 2 * kHalf) return bucket;
    const unsigned shift = static_cast<unsigned>(bucket >> kBits) - 1;
    const uint64_t head = (bucket & (kHalf - 1)) | kHalf;
    return ((head + 1) << shift) - 1;
  }

  std::array<uint64_t, (kGroups + 1) * kHalf> counts_{};
  uint64_t total_ = 0;
  uint64_t most_ = 0;
};

}  // namespace limpet::bench
