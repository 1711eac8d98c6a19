// Memberships for placement tests: names with weights, and the placements made of them.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/placement.h"
#include "core/rendezvous.h"
#include "support/random.h"

namespace limpet::test {

inline PlacementRules placement_rules(PlacementKind kind, uint64_t secret = 1, uint32_t ring_points = 160) {
  PlacementRules rules;
  rules.kind = kind;
  rules.ring_points = ring_points;
  rules.secret = make_secret(secret);
  return rules;
}

// Backends by name, as the registry keeps them: a name that comes back is another backend.
class Membership {
 public:
  void add(const std::string& name, uint32_t weight) { backends_[name] = {weight, ++last_identity_}; }
  void remove(const std::string& name) { backends_.erase(name); }
  void reweigh(const std::string& name, uint32_t weight) { backends_[name].weight = weight; }

  size_t size() const { return backends_.size(); }
  uint32_t weight(const std::string& name) const { return backends_.at(name).weight; }
  const std::string& name(size_t position) const {
    return std::next(backends_.begin(), static_cast<long>(position))->first;
  }
  std::vector<std::string> names() const {
    std::vector<std::string> all;
    for (const auto& [name, backend] : backends_) all.push_back(name);
    return all;
  }
  std::unique_ptr<Placement> place(const PlacementRules& rules, const Placement* predecessor = nullptr) const {
    std::vector<Member> members;
    for (const auto& [name, backend] : backends_) members.push_back({name, backend.weight, backend.identity});
    return make_placement(rules, members, predecessor);
  }

 private:
  struct Entry {
    uint32_t weight;
    uint64_t identity;
  };
  std::map<std::string, Entry> backends_;
  uint64_t last_identity_ = 0;
};

inline std::string backend_name(uint64_t number) { return "backend-" + std::to_string(number); }

enum class Weights { kEqual, kFew, kAny };

inline uint32_t random_weight(Random& random, Weights weights) {
  if (weights == Weights::kEqual) return 1;
  if (weights == Weights::kFew) return static_cast<uint32_t>(random.between(1, 3));
  // The exponents matter as much as the numbers.
  return static_cast<uint32_t>(random.between(1, kMaxWeight) >> random.below(16)) | 1;
}

inline Membership random_membership(Random& random, size_t count, Weights weights) {
  Membership members;
  for (size_t i = 0; i < count; i++) members.add(backend_name(i), random_weight(random, weights));
  return members;
}

// Hashes of keys that lie anywhere; the low bits, a rendezvous slot, are spread evenly.
inline std::vector<uint64_t> key_hashes(size_t count, uint64_t stream = 77) {
  Random random(stream);
  std::vector<uint64_t> hashes(count);
  for (uint64_t& hash : hashes) hash = random.next();
  return hashes;
}

// The homes by name, so that memberships whose positions differ can be compared.
inline std::vector<std::string> home_names(const Placement& placement, const std::vector<std::string>& names,
                                           const std::vector<uint64_t>& keys) {
  std::vector<std::string> homes;
  homes.reserve(keys.size());
  for (const uint64_t key : keys) {
    const Position home = placement.home(key);
    homes.push_back(home == kNoPosition ? std::string("-") : names.at(home));
  }
  return homes;
}

}  // namespace limpet::test
