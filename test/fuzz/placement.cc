// Rendezvous and ring against models of O(n) a key that remember nothing: a history of memberships, each placement made
// from its predecessor. Input: kind, secret, keys, then changes of the membership.
#include <algorithm>
#include <map>

#include "core/fixed_log2.h"
#include "input.h"
#include "support/placements.h"

using namespace limpet;
using namespace limpet::test;
using limpet::fuzz::Input;

namespace {

constexpr unsigned kKeys = 6;
constexpr unsigned kMost = 20;

// Names that begin alike, run into numbers, hold a NUL, or are long.
std::string name_of(unsigned i) {
  static const std::string kOdd[] = {"a", std::string("a\0", 2), "a1", "a11", "A", std::string(300, 'x'), "", "\xff"};
  return i < std::size(kOdd) ? kOdd[i] : backend_name(i);
}

std::string with_length(const std::string& name) {
  std::string bytes;
  for (unsigned i = 0; i < 4; i++) bytes.push_back(static_cast<char>(name.size() >> (8 * i)));
  return bytes + name;
}

std::string little_endian(uint64_t value, unsigned count) {
  std::string bytes;
  for (unsigned i = 0; i < count; i++) bytes.push_back(static_cast<char>(value >> (8 * i)));
  return bytes;
}

uint64_t hash_of(const std::string& bytes, const Secret& secret) {
  return keyed_hash(bytes.data(), bytes.size(), secret);
}

// Weights by name; positions are those of the map.
using Weighted = std::map<std::string, uint32_t>;

class Model {
 public:
  Model(const PlacementRules& rules, Weighted backends) : rules_(rules), backends_(std::move(backends)) {
    if (rules_.kind == PlacementKind::kRendezvous) return;
    for (const auto& [name, weight] : backends_) {
      auto& points = points_.emplace_back();
      const std::string start = with_length(name);
      for (uint32_t i = 0; i < weight * rules_.ring_points; i++) {
        points.push_back(hash_of(start + little_endian(i, 4), rules_.secret));
      }
    }
  }

  const Weighted& backends() const { return backends_; }
  // Of a ring: the hash of some backend's point.
  uint64_t point(unsigned backend, unsigned number) const {
    if (points_.empty()) return 0;
    const auto& points = points_[backend % points_.size()];
    return points[number % points.size()];
  }
  std::vector<Position> order(uint64_t key) const {
    return rules_.kind == PlacementKind::kRing ? ring_order(key) : rendezvous_order(key);
  }

 private:
  // By the clockwise distance from the key to the nearest of a backend's points.
  std::vector<Position> ring_order(uint64_t key) const {
    std::vector<std::pair<uint64_t, Position>> distances;
    for (Position i = 0; i < points_.size(); i++) {
      uint64_t nearest = UINT64_MAX;
      for (const uint64_t point : points_[i]) nearest = std::min(nearest, point - key);
      distances.emplace_back(nearest, i);
    }
    return positions(distances);
  }

  // By −log2(u) / w, as fractions over the product of all other weights would be: compared pair by pair.
  std::vector<Position> rendezvous_order(uint64_t key) const {
    __extension__ using Wide = unsigned __int128;
    struct Score {
      uint64_t log;
      uint32_t weight;
      uint64_t less_u;
      Position second;
      bool operator<(const Score& other) const {
        const Wide a = Wide{log} * other.weight;
        const Wide b = Wide{other.log} * weight;
        return a != b ? a < b : std::pair(less_u, second) < std::pair(other.less_u, other.second);
      }
    };
    const uint64_t slot = hash_of(little_endian(key % kPlacementSlots, 8), rules_.secret);
    std::vector<Score> scores;
    for (const auto& [name, weight] : backends_) {
      const uint64_t u = std::max<uint64_t>(1, mix64(slot ^ hash_of(with_length(name), rules_.secret)));
      scores.push_back({negative_log2(u), weight, ~u, static_cast<Position>(scores.size())});
    }
    return positions(scores);
  }

  template <typename Scores>
  static std::vector<Position> positions(Scores& scores) {
    std::sort(scores.begin(), scores.end());
    std::vector<Position> sorted;
    for (const auto& score : scores) sorted.push_back(score.second);
    return sorted;
  }

  const PlacementRules rules_;
  const Weighted backends_;
  std::vector<std::vector<uint64_t>> points_;
};

Weighted weighted(const Membership& members) {
  Weighted all;
  for (const std::string& name : members.names()) all[name] = members.weight(name);
  return all;
}

// `accepted`: a bit for each position.
void check_key(const Placement& placement, const Model& model, uint64_t key, uint32_t accepted) {
  const std::vector<Position> wanted = model.order(key);
  EXPECT_EQUAL(placement.home(key), wanted.empty() ? kNoPosition : wanted[0]);
  EXPECT(placement.order(key) == wanted);
  size_t asked = 0;
  const Position first = placement.first(key, [&](Position at) {
    EXPECT(at < wanted.size() && ++asked <= wanted.size());
    return (accepted >> at & 1) != 0;
  });
  const auto fits = std::find_if(wanted.begin(), wanted.end(), [&](Position at) { return (accepted >> at & 1) != 0; });
  EXPECT_EQUAL(first, fits == wanted.end() ? kNoPosition : *fits);
}

// Between backends that stay, a key moves only away from one that got lighter or to one that got heavier.
void check_moves(const Model& before, const Model& after, const std::string& from, const std::string& to) {
  const auto left = after.backends().find(from);
  const auto taken = before.backends().find(to);
  if (from == to || left == after.backends().end() || taken == before.backends().end()) return;
  EXPECT(left->second < before.backends().at(from) || taken->second < after.backends().at(to));
}

std::string home_name(const Placement& placement, const Model& model, uint64_t key) {
  const Position home = placement.home(key);
  return home == kNoPosition ? "-" : std::next(model.backends().begin(), home)->first;
}

uint32_t weight_of(Input& input, PlacementKind kind) {
  const uint16_t word = input.word();
  if (kind == PlacementKind::kRing) return 1 + word % 3;
  return std::clamp<uint32_t>(word >> (word % 16), 1, kMaxWeight);
}

void change(Input& input, Membership& members, PlacementKind kind) {
  const std::string name = name_of(input.below(kMost));
  const auto names = members.names();
  if (std::find(names.begin(), names.end(), name) == names.end()) return members.add(name, weight_of(input, kind));
  const uint8_t how = input.below(4);
  if (how == 0) return members.reweigh(name, weight_of(input, kind));
  members.remove(name);
  if (how == 1) members.add(name, weight_of(input, kind));  // another backend of this name
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Input input(data, size);
  const auto kind = input.flag() ? PlacementKind::kRing : PlacementKind::kRendezvous;
  const PlacementRules rules = placement_rules(kind, input.below(4), 1 + input.below(6));
  Membership members;
  auto model = std::make_unique<Model>(rules, weighted(members));
  auto placement = members.place(rules);
  for (unsigned round = 0; round < 8 && !input.ended(); round++) {
    const unsigned changes = 1 + input.below(round == 0 ? kMost : 4);
    for (unsigned i = 0; i < changes; i++) change(input, members, kind);
    auto next_model = std::make_unique<Model>(rules, weighted(members));
    auto next = members.place(rules, placement.get());
    for (unsigned i = 0; i < kKeys; i++) {
      const uint16_t word = input.word();
      const uint64_t point = next_model->point(word, word >> 5) + word % 3 - 1;  // on it, just before, just behind
      const uint64_t key = kind == PlacementKind::kRing && word % 2 == 0 ? point : mix64(word % 64);
      // What the predecessor memoised, before or after it was succeeded, is what the successor inherits.
      if (i < kKeys / 2) check_key(*next, *next_model, key, word);
      const std::string before = home_name(*placement, *model, key);
      check_key(*next, *next_model, key, ~uint32_t{word});
      check_moves(*model, *next_model, before, home_name(*next, *next_model, key));
    }
    placement = std::move(next);
    model = std::move(next_model);
  }
  return 0;
}
