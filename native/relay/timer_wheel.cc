#include "timer_wheel.h"

#include <algorithm>
#include <bit>

namespace limpet {

namespace {

void link(TimerNode& head, TimerNode& node) {
  node.next = &head;
  node.previous = head.previous;
  head.previous->next = &node;
  head.previous = &node;
}

}  // namespace

TimerWheel::TimerWheel(uint64_t now_ms) : tick_(now_ms / kTickMs) {
  for (Level& level : levels_) {
    for (TimerNode& head : level.slots) head.next = head.previous = &head;
  }
}

void TimerWheel::disarm(TimerNode& node) {
  if (!node.armed()) return;
  node.previous->next = node.next;
  node.next->previous = node.previous;
  node.next = node.previous = nullptr;
}

// A slot of level L covers 64^L ticks; a node lies on the lowest level whose span reaches it.
void TimerWheel::place(TimerNode& node) {
  const uint64_t distance = node.due_tick - tick_;
  unsigned level = 0;
  while (level + 1 < kLevels && distance >> (kLevelBits * (level + 1)) != 0) level++;
  const auto slot = static_cast<unsigned>(node.due_tick >> (kLevelBits * level)) & (kSlotsPerLevel - 1);
  levels_[level].occupied |= 1ULL << slot;
  link(levels_[level].slots[slot], node);
}

void TimerWheel::arm(TimerNode& node, uint64_t due_ms) {
  disarm(node);
  constexpr uint64_t kSpan = (1ULL << (kLevelBits * kLevels)) - 1;
  const uint64_t due = (due_ms + kTickMs - 1) / kTickMs;
  node.due_tick = std::clamp(due, tick_, tick_ + kSpan / 2);
  place(node);
}

// The tick has entered a new slot of `level`: its nodes move to lower levels.
void TimerWheel::cascade(unsigned level) {
  if (level >= kLevels) return;
  const auto slot = static_cast<unsigned>(tick_ >> (kLevelBits * level)) & (kSlotsPerLevel - 1);
  if (slot == 0) cascade(level + 1);
  TimerNode& head = levels_[level].slots[slot];
  TimerNode* node = head.next;
  head.next = head.previous = &head;
  levels_[level].occupied &= ~(1ULL << slot);
  while (node != &head) {
    TimerNode* const next = node->next;
    place(*node);
    node = next;
  }
}

TimerNode* TimerWheel::expire(uint64_t now_ms) {
  const uint64_t now = now_ms / kTickMs;
  for (;;) {
    TimerNode& head = levels_[0].slots[tick_ & (kSlotsPerLevel - 1)];
    if (tick_ <= now && head.next != &head) {
      TimerNode* const due = head.next;
      disarm(*due);
      return due;
    }
    // Also where the slot is not passed yet: a disarmed timer's bit would make wait_ms() say 0 until the next tick.
    if (head.next == &head) levels_[0].occupied &= ~(1ULL << (tick_ & (kSlotsPerLevel - 1)));
    if (tick_ >= now) return nullptr;
    tick_++;
    if ((tick_ & (kSlotsPerLevel - 1)) == 0) cascade(1);
  }
}

// On each level, the next slot that may hold something: on the lowest it is due then, on the others it cascades then.
uint64_t TimerWheel::wait_ms(uint64_t now_ms, uint64_t most) const {
  uint64_t soonest = UINT64_MAX / kTickMs;
  for (unsigned level = 0; level < kLevels; level++) {
    const uint64_t occupied = levels_[level].occupied;
    if (occupied == 0) continue;
    const uint64_t turn = tick_ >> (kLevelBits * level);
    const auto here = static_cast<int>(turn & (kSlotsPerLevel - 1));
    const uint64_t turned = std::rotr(occupied, here);
    // The slot we are in has cascaded already on the upper levels: what is in it now comes a turn later, after all
    // others.
    const uint64_t first = level > 0 ? turned & ~1ULL : turned;
    const uint64_t ahead = first != 0 ? static_cast<uint64_t>(std::countr_zero(first)) : kSlotsPerLevel;
    soonest = std::min(soonest, (turn + ahead) << (kLevelBits * level));
  }
  const uint64_t due_ms = soonest * kTickMs;
  return due_ms <= now_ms ? 0 : std::min(due_ms - now_ms, most);
}

}  // namespace limpet
