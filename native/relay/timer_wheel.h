// A hierarchical timing wheel (Varghese & Lauck 1987): arming and disarming are O(1), no system call, no allocation.
#pragma once

#include <array>
#include <cstdint>

namespace limpet {

// Embedded in what is timed. Not movable while armed.
struct TimerNode {
  TimerNode* next = nullptr;
  TimerNode* previous = nullptr;
  uint64_t due_tick = 0;

  bool armed() const { return next != nullptr; }
};

class TimerWheel {
 public:
  static constexpr uint64_t kTickMs = 4;

  explicit TimerWheel(uint64_t now_ms);
  TimerWheel(const TimerWheel&) = delete;
  TimerWheel& operator=(const TimerWheel&) = delete;

  // Arms (or moves) the timer: it is due at `due_ms` or up to a tick later, never earlier. More than half the
  // wheel's span (4 years) is cut to it.
  void arm(TimerNode& node, uint64_t due_ms);
  static void disarm(TimerNode& node);
  // A timer that is due, disarmed; null when there is none left. Call until null.
  TimerNode* expire(uint64_t now_ms);
  // Milliseconds until something may be due, for epoll_wait: at most `most`. Early wake-ups
  // happen (a timer was disarmed meanwhile), late ones do not.
  uint64_t wait_ms(uint64_t now_ms, uint64_t most) const;

 private:
  static constexpr unsigned kLevelBits = 6;
  static constexpr unsigned kSlotsPerLevel = 1U << kLevelBits;
  static constexpr unsigned kLevels = 6;  // 64^6 ticks of 4 ms: 8.7 years

  void place(TimerNode& node);
  void cascade(unsigned level);

  struct Level {
    std::array<TimerNode, kSlotsPerLevel> slots;  // list heads
    uint64_t occupied = 0;                        // bit i: slot i may hold something; cleared when it is passed
  };
  std::array<Level, kLevels> levels_;
  uint64_t tick_;  // everything before it has been handed out
};

}  // namespace limpet
