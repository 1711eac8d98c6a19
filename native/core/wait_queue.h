// Who waits for a seat of a full pool (limits.queue): first come, first served, from any number of threads. As many are
// called as seats are free, and each takes his own on his own thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>

#include "function_ref.h"

namespace limpet {

struct Waiter;

// Where waiters are at home.
class WaitingRoom {
 public:
  // It is this one's turn. From any thread, under the queue's lock: it only passes that on.
  virtual void call(const Waiter& waiter) = 0;

 protected:
  ~WaitingRoom() = default;
};

// One who waits. The thread that owns it takes it out of the queue before it is gone.
struct Waiter {
  enum class State : uint8_t { kOut, kWaiting, kCalled };

  WaitingRoom* room = nullptr;
  uint64_t id = 0;  // the room's, as is the next
  uint32_t place = 0;
  // From here on under the queue's lock, but for since_ms.
  State state = State::kOut;
  uint64_t since_ms = 0;
  uint64_t number = 0;
  Waiter* next = nullptr;
  Waiter* previous = nullptr;
};

class WaitQueue {
 public:
  // The most that wait.
  explicit WaitQueue(uint32_t size) : size_(size) {}
  WaitQueue(const WaitQueue&) = delete;
  WaitQueue& operator=(const WaitQueue&) = delete;

  // Behind all others. False: there is no room.
  bool join(Waiter& waiter);
  // Whether it was called since it joined, or came back.
  bool called(const Waiter& waiter);
  // It was called, and there was no seat after all: back to its place, before all who came later.
  void rejoin(Waiter& waiter);
  // Whether it waits still or was called.
  void leave(Waiter& waiter);
  // Calls those at the head, as long as more seats are free than have been called; `free_seats(enough)` counts the
  // seats up to that number, under the lock.
  void call(FunctionRef<uint64_t(uint64_t)> free_seats);
  // Called ones who have not taken their seat yet are among them.
  uint32_t waiting() const { return waiting_.load(std::memory_order_relaxed); }

 private:
  void insert(Waiter& waiter);
  void remove(Waiter& waiter);

  const uint32_t size_;
  std::atomic<uint32_t> waiting_{0};  // changed under the lock
  std::mutex mutex_;
  Waiter* first_ = nullptr;
  Waiter* last_ = nullptr;
  uint64_t numbers_ = 0;
  uint32_t called_ = 0;
};

}  // namespace limpet
