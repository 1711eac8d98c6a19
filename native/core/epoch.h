// Epochs: who may still be looking at a snapshot that was replaced. Readers announce themselves with one store; a
// writer that swapped a pointer retires the old object, and it is freed once every reader has been outside since.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <mutex>
#include <vector>

namespace limpet {

// Threads that may read at once: relay workers, the JavaScript thread, and test programs' threads.
inline constexpr unsigned kMaxThreads = 256;

class EpochDomain {
 public:
  EpochDomain() = default;
  EpochDomain(const EpochDomain&) = delete;
  EpochDomain& operator=(const EpochDomain&) = delete;
  // No reader may be left.
  ~EpochDomain() { reclaim(); }

  // Claims a thread number below kMaxThreads; -1 if all are taken.
  int enter_thread() {
    for (unsigned i = 0; i < kMaxThreads; i++) {
      if (!slots_[i].taken.exchange(true, std::memory_order_acq_rel)) return static_cast<int>(i);
    }
    return -1;
  }
  void leave_thread(unsigned thread) { slots_[thread].taken.store(false, std::memory_order_release); }

  // Sequentially consistent on purpose: the announcement must be visible before the snapshot's pointer is loaded.
  void pin(unsigned thread) {
    slots_[thread].active.store(epoch_.load(std::memory_order_seq_cst), std::memory_order_seq_cst);
  }
  void unpin(unsigned thread) { slots_[thread].active.store(0, std::memory_order_release); }

  // Call after the pointer was swapped: `free` runs, on a thread that retires or reclaims, when nobody can hold the
  // old.
  void retire(std::function<void()> free) {
    const uint64_t epoch = epoch_.fetch_add(1, std::memory_order_seq_cst);
    {
      const std::lock_guard lock(mutex_);
      retired_.push_back({epoch, std::move(free)});
    }
    reclaim();
  }

  void reclaim() {
    std::vector<Retired> ready;
    {
      const std::lock_guard lock(mutex_);
      const uint64_t oldest = oldest_reader();
      std::erase_if(retired_, [&](Retired& item) {
        if (item.epoch >= oldest) return false;
        ready.push_back(std::move(item));
        return true;
      });
    }
    for (Retired& item : ready) item.free();
  }

 private:
  struct alignas(64) Slot {
    std::atomic<uint64_t> active{0};  // epoch seen at entry; 0: outside
    std::atomic<bool> taken{false};
  };
  struct Retired {
    uint64_t epoch;
    std::function<void()> free;
  };

  uint64_t oldest_reader() const {
    uint64_t oldest = UINT64_MAX;
    for (const Slot& slot : slots_) {
      const uint64_t active = slot.active.load(std::memory_order_seq_cst);
      if (active != 0 && active < oldest) oldest = active;
    }
    return oldest;
  }

  std::atomic<uint64_t> epoch_{1};
  std::array<Slot, kMaxThreads> slots_;
  std::mutex mutex_;
  std::vector<Retired> retired_;
};

// One thread's membership in a domain; owned by that thread.
class EpochThread {
 public:
  explicit EpochThread(EpochDomain& domain) : domain_(domain), number_(domain.enter_thread()) {}
  ~EpochThread() {
    if (ok()) domain_.leave_thread(number());
  }
  EpochThread(const EpochThread&) = delete;
  EpochThread& operator=(const EpochThread&) = delete;

  bool ok() const { return number_ >= 0; }
  unsigned number() const { return static_cast<unsigned>(number_); }
  void pin() { domain_.pin(number()); }
  void unpin() { domain_.unpin(number()); }

 private:
  EpochDomain& domain_;
  const int number_;
};

class EpochGuard {
 public:
  explicit EpochGuard(EpochThread& thread) : thread_(thread) { thread_.pin(); }
  ~EpochGuard() { thread_.unpin(); }
  EpochGuard(const EpochGuard&) = delete;
  EpochGuard& operator=(const EpochGuard&) = delete;

 private:
  EpochThread& thread_;
};

}  // namespace limpet
