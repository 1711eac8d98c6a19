// Weighted rendezvous hashing over slots (Thaler & Ravishankar 1998; weights after Schindelhauer & Schomaker 2005).
//
// A key's slot is its hash mod 2^20; the home of a slot is the backend with the best score −w / ln(u(slot, backend)).
// Backends of equal weight compare by u alone, so a pass costs one mix per backend and one logarithm per distinct
// weight. Homes are memoised per slot, lazily: the answer is a pure function, so racing writers agree and publishing is
// free.
#pragma once

#include <atomic>
#include <cstdlib>

#include "placement.h"

namespace limpet {

// A constant for every pool and every size: a table that grew with the pool would re-slot every key. Expected imbalance
// is 1/sqrt(2^20 / n): 1 % at 100 backends, 3 % at 1,000.
inline constexpr unsigned kSlotBits = 20;
inline constexpr uint32_t kPlacementSlots = 1U << kSlotBits;

// Position of each slot's home, plus one; zero is "not known yet", so that fresh zero pages need no fill (2 MiB).
class SlotMemo {
 public:
  SlotMemo() : cells_(static_cast<uint16_t*>(std::calloc(kPlacementSlots, sizeof(uint16_t)))) {}
  ~SlotMemo() { std::free(cells_); }
  SlotMemo(const SlotMemo&) = delete;
  SlotMemo& operator=(const SlotMemo&) = delete;

  bool usable() const { return cells_ != nullptr; }
  Position get(uint32_t slot) const {
    return static_cast<Position>(std::atomic_ref(cells_[slot]).load(std::memory_order_relaxed) - 1);
  }
  void set(uint32_t slot, Position position) {
    std::atomic_ref(cells_[slot]).store(static_cast<uint16_t>(position + 1), std::memory_order_relaxed);
  }

 private:
  uint16_t* cells_;
};

class Rendezvous final : public Placement {
 public:
  Rendezvous(const PlacementRules& rules, const std::vector<Member>& members, const Rendezvous* predecessor);

  size_t size() const override { return weights_.size(); }
  Position home(uint64_t key_hash) const override;
  Position first(uint64_t key_hash, Accept accept) const override;
  std::vector<Position> order(uint64_t key_hash) const override;
  std::vector<double> shares() const override;

 private:
  // Backends of one weight, contiguous in seeds_ and positions_.
  struct Group {
    uint32_t weight;
    uint32_t begin;
    uint32_t end;
  };
  struct Score {
    uint64_t u = 0;  // u(slot, backend) · 2^64; 0: none yet
    uint64_t negative_log = 0;
    uint32_t weight = 0;
    Position position = kNoPosition;
  };

  uint64_t slot_word(uint32_t slot) const;
  Score score(uint64_t word, Position position) const;
  static bool beats(const Score& a, const Score& b);
  Score best_of(uint64_t word, const Group& group) const;
  Position compute_home(uint32_t slot) const;
  Position home_from_predecessor(uint32_t slot) const;
  void group_by_weight();
  void inherit(const std::vector<Member>& members, const Rendezvous& predecessor);

  const Secret secret_;
  std::vector<uint32_t> weights_;     // by position
  std::vector<uint64_t> seed_of_;     // by position
  std::vector<uint64_t> identities_;  // by position
  std::vector<uint64_t> seeds_;       // by group, for a pass over contiguous memory
  std::vector<Position> positions_;   // by group
  std::vector<Group> groups_;         // by falling weight
  std::shared_ptr<SlotMemo> memo_;    // null: no memory for it; every look-up is computed
  // A slot's old home stands if it is still there and not lighter; then only added or raised backends can win the slot.
  std::shared_ptr<SlotMemo> old_memo_;
  std::vector<Position> old_to_new_;   // kNoPosition: gone or lighter
  std::vector<Position> challengers_;  // added or raised
};

}  // namespace limpet
