#include "wait_queue.h"

namespace limpet {

bool WaitQueue::join(Waiter& waiter) {
  const std::lock_guard lock(mutex_);
  if (waiting() >= size_) return false;
  waiter.number = ++numbers_;
  waiting_.fetch_add(1, std::memory_order_relaxed);
  insert(waiter);
  return true;
}

bool WaitQueue::called(const Waiter& waiter) {
  const std::lock_guard lock(mutex_);
  return waiter.state == Waiter::State::kCalled;
}

void WaitQueue::rejoin(Waiter& waiter) {
  const std::lock_guard lock(mutex_);
  called_--;
  insert(waiter);
}

void WaitQueue::leave(Waiter& waiter) {
  const std::lock_guard lock(mutex_);
  if (waiter.state == Waiter::State::kCalled) {
    called_--;
  } else {
    remove(waiter);
  }
  waiter.state = Waiter::State::kOut;
  waiting_.fetch_sub(1, std::memory_order_relaxed);
}

void WaitQueue::call(FunctionRef<uint64_t(uint64_t)> free_seats) {
  const std::lock_guard lock(mutex_);
  if (!first_) return;
  const uint64_t seats = free_seats(waiting());
  while (first_ && called_ < seats) {
    Waiter& waiter = *first_;
    remove(waiter);
    waiter.state = Waiter::State::kCalled;
    called_++;
    waiter.room->call(waiter);
  }
}

// By number. Newcomers are last, and whoever comes back is near the head: neither walks far.
void WaitQueue::insert(Waiter& waiter) {
  Waiter* before = last_ && last_->number < waiter.number ? last_ : nullptr;
  Waiter* after = before ? nullptr : first_;
  while (after && after->number < waiter.number) {
    before = after;
    after = after->next;
  }
  waiter.state = Waiter::State::kWaiting;
  waiter.previous = before;
  waiter.next = after;
  (before ? before->next : first_) = &waiter;
  (after ? after->previous : last_) = &waiter;
}

void WaitQueue::remove(Waiter& waiter) {
  (waiter.previous ? waiter.previous->next : first_) = waiter.next;
  (waiter.next ? waiter.next->previous : last_) = waiter.previous;
  waiter.next = waiter.previous = nullptr;
}

}  // namespace limpet
