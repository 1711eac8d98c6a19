// A lock for sections of nanoseconds. It yields when the holder was preempted, so nothing burns a time slice.
#pragma once

#include <sched.h>

#include <atomic>

namespace limpet {

inline void spin_pause(unsigned& spins) {
  if (++spins < 64) {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#endif
    return;
  }
  spins = 0;
  sched_yield();
}

class SpinLock {
 public:
  void lock() {
    unsigned spins = 0;
    while (locked_.exchange(true, std::memory_order_acquire)) {
      while (locked_.load(std::memory_order_relaxed)) spin_pause(spins);
    }
  }
  void unlock() { locked_.store(false, std::memory_order_release); }

 private:
  std::atomic<bool> locked_{false};
};

}  // namespace limpet
