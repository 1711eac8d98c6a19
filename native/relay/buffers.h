// The worker's buffers: one for every copy, and a bounded stock of those that slow receivers hold.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <vector>

#include "session.h"

namespace limpet {

class Buffers {
 public:
  // What one read takes at most, so what a slow receiver can make a direction hold.
  static constexpr uint32_t kBytes = 64 * 1024;

  Buffers() : shared_(new uint8_t[kBytes]) {}
  ~Buffers() {
    for (uint8_t* spare : spare_) std::free(spare);
  }
  Buffers(const Buffers&) = delete;
  Buffers& operator=(const Buffers&) = delete;

  uint8_t* shared() { return shared_.get(); }

  // Keeps a copy of what could not be written. False: no memory.
  bool hold(Backlog& backlog, const uint8_t* bytes, uint32_t count) {
    backlog.pooled = true;
    if (!spare_.empty()) {
      backlog.data = spare_.back();
      spare_.pop_back();
    } else {
      backlog.data = static_cast<uint8_t*>(std::malloc(kBytes));
    }
    if (!backlog.data) return false;
    std::memcpy(backlog.data, bytes, count);
    backlog.begin = 0;
    backlog.end = count;
    return true;
  }

  // The same with what belongs before all that is kept already. Rare, so it has memory of its own.
  bool put_ahead(Backlog& backlog, const uint8_t* bytes, uint32_t count) {
    const uint32_t before = backlog.end - backlog.begin;
    auto* const data = static_cast<uint8_t*>(std::malloc(size_t{count} + before));
    if (!data) return false;
    std::memcpy(data, bytes, count);
    if (before > 0) {
      std::memcpy(data + count, backlog.data + backlog.begin, before);
      drop(backlog);
    }
    backlog = {.data = data, .begin = 0, .end = count + before, .ahead = count, .pooled = false};
    return true;
  }

  void drop(Backlog& backlog) {
    if (backlog.pooled && spare_.size() < kSpare) {
      spare_.push_back(backlog.data);
    } else {
      std::free(backlog.data);
    }
    backlog = Backlog{};
  }

 private:
  static constexpr size_t kSpare = 32;  // 2 MiB a thread
  std::unique_ptr<uint8_t[]> shared_;
  std::vector<uint8_t*> spare_;
};

}  // namespace limpet
