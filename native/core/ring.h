// A ring of points with clockwise look-up: the model of the bounded-loads paper (Mirrokni, Thorup, Zadimoghaddam,
// arXiv 1608.01350), for those who compare. Points depend on their own backend's name and weight only.
#pragma once

#include "placement.h"

namespace limpet {

// 10 bytes a point; the configuration refuses more than 2 million of them ("divide the weights").
class Ring final : public Placement {
 public:
  Ring(const PlacementRules& rules, const std::vector<Member>& members, const Ring* predecessor);

  size_t size() const override { return weights_.size(); }
  size_t points() const { return hashes_.size(); }
  Position home(uint64_t key_hash) const override;
  Position first(uint64_t key_hash, Accept accept) const override;
  std::vector<Position> order(uint64_t key_hash) const override;
  std::vector<double> shares() const override;

 private:
  struct Point {
    uint64_t hash;
    Position position;
    // Equal hashes resolve by name, never by the order of listing.
    bool operator<(const Point& other) const {
      return hash != other.hash ? hash < other.hash : position < other.position;
    }
  };

  std::vector<Point> kept_points(const std::vector<Member>& members, const Ring& predecessor,
                                 std::vector<uint32_t>& first_new) const;
  static void append_points(std::vector<Point>& points, const Member& member, Position position, uint32_t from,
                            const PlacementRules& rules);
  size_t successor(uint64_t key_hash) const;
  // Calls `visit` for each backend in clockwise order, each once, until it returns true.
  void walk(uint64_t key_hash, FunctionRef<bool(Position)> visit) const;

  const uint32_t points_per_weight_;
  std::vector<uint32_t> weights_;     // by position
  std::vector<uint64_t> identities_;  // by position
  std::vector<uint64_t> hashes_;      // sorted; apart from the positions, so that the search touches fewer lines
  std::vector<Position> owners_;
};

}  // namespace limpet
