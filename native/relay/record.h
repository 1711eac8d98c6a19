// Session records for the access log and diagnostics: fixed size, through a bounded ring that JavaScript drains. The
// layout is read by src/relay/record.ts.
#pragma once

#include <atomic>
#include <cstdint>
#include <cstring>
#include <memory>

namespace limpet {

// kConnecting is of a survey only (survey.h).
enum class RecordKind : uint8_t { kOpen = 1, kClose = 2, kRefused = 3, kConnecting = 4 };

struct SessionRecord {
  RecordKind kind;
  uint8_t reason;  // 255: none
  uint8_t cause;   // column of SessionCounter; 0 while it lives
  uint8_t family;  // of the client: 4, 6, 1 for unix
  uint16_t client_port;
  uint16_t backend;  // registry index; 65535: none
  uint32_t listener;
  uint32_t pool;  // UINT32_MAX: none was chosen
  uint8_t client[16];
  uint64_t session;
  uint64_t bytes_to_backend;
  uint64_t bytes_to_client;
  uint32_t connect_us;
  uint16_t generation;  // of the registry index
  uint16_t unused;
  uint64_t at_ms;  // monotonic
  uint64_t duration_ms;
};
static_assert(sizeof(SessionRecord) == 80);

// One writer (a worker), one reader (the JavaScript thread). Full: the record is dropped, and the writer counts it.
class RecordRing {
 public:
  // For the writer.
  bool has_room() const {
    return tail_.load(std::memory_order_relaxed) - head_.load(std::memory_order_acquire) < kCapacity;
  }
  bool push(const SessionRecord& record) {
    if (!has_room()) return false;
    const uint64_t tail = tail_.load(std::memory_order_relaxed);
    if (!cells_) cells_ = std::make_unique<SessionRecord[]>(kCapacity);  // only those who log pay for it
    cells_[tail % kCapacity] = record;
    tail_.store(tail + 1, std::memory_order_release);
    return true;
  }
  // Copies up to `most` records; returns how many.
  size_t drain(uint8_t* into, size_t most) {
    uint64_t head = head_.load(std::memory_order_relaxed);
    const uint64_t tail = tail_.load(std::memory_order_acquire);
    size_t count = 0;
    for (; head < tail && count < most; head++, count++) {
      std::memcpy(into + count * sizeof(SessionRecord), &cells_[head % kCapacity], sizeof(SessionRecord));
    }
    head_.store(head, std::memory_order_release);
    return count;
  }

 private:
  static constexpr uint64_t kCapacity = 4096;
  alignas(64) std::atomic<uint64_t> head_{0};
  alignas(64) std::atomic<uint64_t> tail_{0};
  std::unique_ptr<SessionRecord[]> cells_;
};

}  // namespace limpet
