// What went wrong. One fault makes a cell fail: figures of a relay that loses connections or bytes are worth nothing.
#pragma once

#include <array>
#include <atomic>
#include <cerrno>
#include <cstdint>

namespace limpet::bench {

enum class Fault : uint8_t {
  kRefused,  // the connect was
  kReset,
  kClosed,   // before the answer
  kCorrupt,  // other bytes than were sent
  kStalled,  // no answer when the time was over, and for long before
  kOther,    // see Faults::error()
};
inline constexpr std::array<const char*, 6> kFaultNames{"refused", "reset", "closed", "corrupt", "stalled", "other"};

class Faults {
 public:
  void count(Fault fault) { counts_[static_cast<size_t>(fault)].fetch_add(1, std::memory_order_relaxed); }

  // What a call ended with.
  void count_error(int error) {
    if (error == ECONNREFUSED) return count(Fault::kRefused);
    if (error == ECONNRESET || error == EPIPE) return count(Fault::kReset);
    error_.store(error, std::memory_order_relaxed);
    count(Fault::kOther);
  }

  uint64_t of(size_t fault) const { return counts_[fault].load(std::memory_order_relaxed); }
  // errno of the last kOther; 0: none.
  int error() const { return error_.load(std::memory_order_relaxed); }

  uint64_t total() const {
    uint64_t sum = 0;
    for (size_t i = 0; i < counts_.size(); i++) sum += of(i);
    return sum;
  }

 private:
  std::array<std::atomic<uint64_t>, kFaultNames.size()> counts_{};
  std::atomic<int> error_{0};
};

}  // namespace limpet::bench
