// Threads for tests, and waiting for what they do.
#pragma once

#include <sched.h>

#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

namespace limpet::test {

// Runs body(0) … body(count − 1) on a thread each, all let go at once, and joins them.
template <typename Body>
void run_threads(unsigned count, Body&& body) {
  std::atomic<unsigned> ready{0};
  std::vector<std::thread> threads;
  for (unsigned i = 0; i < count; i++) {
    threads.emplace_back([&, i] {
      ready.fetch_add(1);
      while (ready.load() < count) sched_yield();
      body(i);
    });
  }
  for (std::thread& thread : threads) thread.join();
}

inline constexpr std::chrono::seconds kPatience{20};

// Waits until `holds()` does; false if it does not in time.
template <typename Predicate>
bool eventually(Predicate&& holds, std::chrono::milliseconds patience = kPatience) {
  const auto deadline = std::chrono::steady_clock::now() + patience;
  while (!holds()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return true;
}

}  // namespace limpet::test
