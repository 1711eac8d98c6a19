// Placement: the pure function (secret, names and weights, key) → ordered backends. It knows no loads, no health and no
// addresses. Backends are positions 0…n−1 in the bytewise order of their names, so nothing depends on the order in
// which they were listed.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "function_ref.h"
#include "hash.h"

namespace limpet {

using Position = uint16_t;
inline constexpr Position kNoPosition = 0xffff;
inline constexpr size_t kMaxBackends = 10'000;
inline constexpr uint32_t kMaxWeight = 65'535;

// A backend as placement sees it. The caller sorts members by name, bytewise; names differ; weights are 1…kMaxWeight.
struct Member {
  std::string_view name;  // needed while the placement is built
  uint32_t weight;
  uint64_t identity;  // equal in two placements only if it is the same backend (for the predecessor's answers)
};

enum class PlacementKind : uint8_t { kRendezvous = 0, kRing = 1 };

using Accept = FunctionRef<bool(Position)>;

class Placement {
 public:
  Placement() = default;
  Placement(const Placement&) = delete;
  Placement& operator=(const Placement&) = delete;
  virtual ~Placement() = default;

  virtual size_t size() const = 0;
  // First backend of the key's order; kNoPosition without members. Any thread.
  virtual Position home(uint64_t key_hash) const = 0;
  // First backend of the key's order that `accept` takes; kNoPosition if it takes none. `accept` is called at most
  // size() times, in no promised order.
  virtual Position first(uint64_t key_hash, Accept accept) const = 0;
  // The whole order.
  virtual std::vector<Position> order(uint64_t key_hash) const = 0;
  // Share of all keys that each position is home of; sums to 1. Walks everything.
  virtual std::vector<double> shares() const = 0;
};

// Hash of a length-delimited name, so that no two names with suffixes can meet (`node1`+`1`, `node`+`11`).
uint64_t hash_name(std::string_view name, const Secret& secret);

struct PlacementRules {
  PlacementKind kind = PlacementKind::kRendezvous;
  uint32_t ring_points = 160;  // per unit of weight
  Secret secret{};
};

// `predecessor` may give answers that still hold; it is not kept. Null without members is fine.
std::unique_ptr<Placement> make_placement(const PlacementRules& rules, const std::vector<Member>& members,
                                          const Placement* predecessor);

}  // namespace limpet
