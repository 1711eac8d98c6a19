#include "rendezvous.h"

#include <algorithm>
#include <numeric>
#include <unordered_map>

#include "fixed_log2.h"

namespace limpet {

namespace {

__extension__ using Wide = unsigned __int128;

// What a logarithm and a wide comparison cost, in mixes (measured: about 8 ns against 1).
constexpr size_t kMixesPerLogarithm = 8;

uint32_t slot_of(uint64_t key_hash) { return static_cast<uint32_t>(key_hash) & (kPlacementSlots - 1); }

// 0 has no logarithm; 1 is its neighbour.
uint64_t draw(uint64_t word, uint64_t seed) {
  const uint64_t u = mix64(word ^ seed);
  return u == 0 ? 1 : u;
}

}  // namespace

Rendezvous::Rendezvous(const PlacementRules& rules, const std::vector<Member>& members, const Rendezvous* predecessor)
    : secret_(rules.secret), memo_(std::make_shared<SlotMemo>()) {
  if (!memo_->usable()) memo_ = nullptr;
  for (const Member& member : members) {
    weights_.push_back(member.weight);
    seed_of_.push_back(hash_name(member.name, secret_));
    identities_.push_back(member.identity);
  }
  group_by_weight();
  if (predecessor && predecessor->memo_ && memo_) inherit(members, *predecessor);
}

void Rendezvous::group_by_weight() {
  positions_.resize(weights_.size());
  std::iota(positions_.begin(), positions_.end(), Position{0});
  std::stable_sort(positions_.begin(), positions_.end(),
                   [this](Position a, Position b) { return weights_[a] > weights_[b]; });
  for (const Position position : positions_) {
    const auto at = static_cast<uint32_t>(seeds_.size());
    seeds_.push_back(seed_of_[position]);
    if (groups_.empty() || groups_.back().weight != weights_[position]) groups_.push_back({weights_[position], at, at});
    groups_.back().end = at + 1;
  }
}

void Rendezvous::inherit(const std::vector<Member>& members, const Rendezvous& predecessor) {
  std::unordered_map<uint64_t, Position> old_position;
  old_position.reserve(predecessor.size());
  for (Position i = 0; i < predecessor.size(); i++) old_position.emplace(predecessor.identities_[i], i);
  old_to_new_.assign(predecessor.size(), kNoPosition);
  for (Position i = 0; i < members.size(); i++) {
    const auto old = old_position.find(members[i].identity);
    const uint32_t old_weight = old == old_position.end() ? 0 : predecessor.weights_[old->second];
    if (old_weight != 0 && weights_[i] >= old_weight) old_to_new_[old->second] = i;
    if (weights_[i] > old_weight) challengers_.push_back(i);
  }
  // A challenger costs a logarithm, a pass over everybody one per distinct weight and a mix per backend: where many
  // were added or raised at once, the pass is cheaper.
  const size_t worth = groups_.size() + members.size() / kMixesPerLogarithm;
  if (challengers_.size() <= worth) old_memo_ = predecessor.memo_;
}

uint64_t Rendezvous::slot_word(uint32_t slot) const {
  uint8_t bytes[8] = {};
  for (unsigned i = 0; i < 4; i++) bytes[i] = static_cast<uint8_t>(slot >> (8 * i));
  return keyed_hash(bytes, sizeof bytes, secret_);
}

Rendezvous::Score Rendezvous::score(uint64_t word, Position position) const {
  const uint64_t u = draw(word, seed_of_[position]);
  return {u, negative_log2(u), weights_[position], position};
}

// Smaller −log2(u) / w wins, compared by cross multiplication; ties go to the larger draw, then to the smaller name.
bool Rendezvous::beats(const Score& a, const Score& b) {
  if (b.position == kNoPosition) return a.position != kNoPosition;
  if (a.position == kNoPosition) return false;
  const Wide left = Wide{a.negative_log} * b.weight;
  const Wide right = Wide{b.negative_log} * a.weight;
  if (left != right) return left < right;
  if (a.u != b.u) return a.u > b.u;
  return a.position < b.position;
}

Rendezvous::Score Rendezvous::best_of(uint64_t word, const Group& group) const {
  uint64_t best = 0;
  uint32_t at = group.begin;
  for (uint32_t i = group.begin; i < group.end; i++) {
    const uint64_t u = draw(word, seeds_[i]);
    if (u > best) {  // a tie keeps the earlier one: the smaller name
      best = u;
      at = i;
    }
  }
  return {best, 0, group.weight, positions_[at]};
}

Position Rendezvous::compute_home(uint32_t slot) const {
  const uint64_t word = slot_word(slot);
  if (groups_.size() == 1) return best_of(word, groups_[0]).position;
  Score best;
  for (const Group& group : groups_) {
    Score candidate = best_of(word, group);
    candidate.negative_log = negative_log2(candidate.u);
    if (beats(candidate, best)) best = candidate;
  }
  return best.position;
}

Position Rendezvous::home_from_predecessor(uint32_t slot) const {
  if (!old_memo_) return kNoPosition;
  const Position old = old_memo_->get(slot);
  if (old == kNoPosition || old_to_new_[old] == kNoPosition) return kNoPosition;
  const uint64_t word = slot_word(slot);
  Score best = score(word, old_to_new_[old]);
  for (const Position challenger : challengers_) {
    const Score candidate = score(word, challenger);
    if (beats(candidate, best)) best = candidate;
  }
  return best.position;
}

Position Rendezvous::home(uint64_t key_hash) const {
  if (weights_.empty()) return kNoPosition;
  const uint32_t slot = slot_of(key_hash);
  if (!memo_) return compute_home(slot);
  Position position = memo_->get(slot);
  if (position != kNoPosition) return position;
  position = home_from_predecessor(slot);
  if (position == kNoPosition) position = compute_home(slot);
  memo_->set(slot, position);
  return position;
}

Position Rendezvous::first(uint64_t key_hash, Accept accept) const {
  const uint64_t word = slot_word(slot_of(key_hash));
  Score best;
  for (const Group& group : groups_) {
    Score candidate{0, 0, group.weight, kNoPosition};
    for (uint32_t i = group.begin; i < group.end; i++) {
      const uint64_t u = draw(word, seeds_[i]);
      // `accept` looks at loads in other cache lines: ask only about those that would win.
      if (u > candidate.u && accept(positions_[i])) {
        candidate.u = u;
        candidate.position = positions_[i];
      }
    }
    if (candidate.position == kNoPosition) continue;
    candidate.negative_log = negative_log2(candidate.u);
    if (beats(candidate, best)) best = candidate;
  }
  return best.position;
}

std::vector<Position> Rendezvous::order(uint64_t key_hash) const {
  const uint64_t word = slot_word(slot_of(key_hash));
  std::vector<Score> scores;
  scores.reserve(size());
  for (Position i = 0; i < size(); i++) scores.push_back(score(word, i));
  std::sort(scores.begin(), scores.end(), beats);
  std::vector<Position> order;
  order.reserve(size());
  for (const Score& entry : scores) order.push_back(entry.position);
  return order;
}

std::vector<double> Rendezvous::shares() const {
  std::vector<double> shares(size(), 0.0);
  if (shares.empty()) return shares;
  for (uint32_t slot = 0; slot < kPlacementSlots; slot++) shares[home(slot)] += 1.0 / kPlacementSlots;
  return shares;
}

}  // namespace limpet
