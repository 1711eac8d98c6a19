#include "ring.h"

#include <algorithm>
#include <array>
#include <bitset>
#include <cmath>
#include <string>
#include <unordered_map>

namespace limpet {

Ring::Ring(const PlacementRules& rules, const std::vector<Member>& members, const Ring* predecessor)
    : points_per_weight_(rules.ring_points) {
  for (const Member& member : members) {
    weights_.push_back(member.weight);
    identities_.push_back(member.identity);
  }
  std::vector<uint32_t> first_new(members.size(), 0);
  std::vector<Point> points;
  if (predecessor && predecessor->points_per_weight_ == points_per_weight_) {
    points = kept_points(members, *predecessor, first_new);
  }
  // What was sorted stays sorted: only new points are sorted, then merged.
  const auto kept = static_cast<std::ptrdiff_t>(points.size());
  for (Position i = 0; i < members.size(); i++) append_points(points, members[i], i, first_new[i], rules);
  std::sort(points.begin() + kept, points.end());
  std::inplace_merge(points.begin(), points.begin() + kept, points.end());
  hashes_.reserve(points.size());
  owners_.reserve(points.size());
  for (const Point& point : points) {
    hashes_.push_back(point.hash);
    owners_.push_back(point.position);
  }
}

// The predecessor's points of backends that did not get lighter, under their new positions. `first_new[i]` becomes the
// number of the first point that backend i still lacks.
std::vector<Ring::Point> Ring::kept_points(const std::vector<Member>& members, const Ring& predecessor,
                                           std::vector<uint32_t>& first_new) const {
  std::unordered_map<uint64_t, Position> old_position;
  old_position.reserve(predecessor.size());
  for (Position i = 0; i < predecessor.size(); i++) old_position.emplace(predecessor.identities_[i], i);
  std::vector<Position> old_to_new(predecessor.size(), kNoPosition);
  for (Position i = 0; i < members.size(); i++) {
    const auto old = old_position.find(members[i].identity);
    if (old == old_position.end() || weights_[i] < predecessor.weights_[old->second]) continue;
    old_to_new[old->second] = i;
    first_new[i] = predecessor.weights_[old->second] * points_per_weight_;
  }
  std::vector<Point> points;
  points.reserve(predecessor.points());
  for (size_t i = 0; i < predecessor.points(); i++) {
    const Position position = old_to_new[predecessor.owners_[i]];
    if (position != kNoPosition) points.push_back({predecessor.hashes_[i], position});
  }
  // Positions are in name order in both rings, so points of equal hash keep their order under the new positions.
  return points;
}

void Ring::append_points(std::vector<Point>& points, const Member& member, Position position, uint32_t from,
                         const PlacementRules& rules) {
  std::string bytes;
  const auto length = static_cast<uint32_t>(member.name.size());
  for (unsigned i = 0; i < 4; i++) bytes.push_back(static_cast<char>(length >> (8 * i)));
  bytes.append(member.name);
  const size_t tail = bytes.size();
  bytes.resize(tail + 4);
  const uint32_t count = member.weight * rules.ring_points;
  for (uint32_t number = from; number < count; number++) {
    for (unsigned i = 0; i < 4; i++) bytes[tail + i] = static_cast<char>(number >> (8 * i));
    points.push_back({keyed_hash(bytes.data(), bytes.size(), rules.secret), position});
  }
}

size_t Ring::successor(uint64_t key_hash) const {
  const auto at = std::lower_bound(hashes_.begin(), hashes_.end(), key_hash);
  return at == hashes_.end() ? 0 : static_cast<size_t>(at - hashes_.begin());
}

Position Ring::home(uint64_t key_hash) const { return hashes_.empty() ? kNoPosition : owners_[successor(key_hash)]; }

void Ring::walk(uint64_t key_hash, FunctionRef<bool(Position)> visit) const {
  if (hashes_.empty()) return;
  std::bitset<kMaxBackends> seen;
  size_t unseen = size();
  size_t at = successor(key_hash);
  for (size_t step = 0; step < hashes_.size() && unseen > 0; step++) {
    const Position position = owners_[at];
    if (!seen[position]) {
      seen[position] = true;
      unseen--;
      if (visit(position)) return;
    }
    at = at + 1 == hashes_.size() ? 0 : at + 1;
  }
}

Position Ring::first(uint64_t key_hash, Accept accept) const {
  Position found = kNoPosition;
  walk(key_hash, [&](Position position) {
    if (!accept(position)) return false;
    found = position;
    return true;
  });
  return found;
}

std::vector<Position> Ring::order(uint64_t key_hash) const {
  std::vector<Position> order;
  order.reserve(size());
  walk(key_hash, [&](Position position) {
    order.push_back(position);
    return false;
  });
  return order;
}

std::vector<double> Ring::shares() const {
  std::vector<double> shares(size(), 0.0);
  if (shares.empty()) return shares;
  uint64_t previous = hashes_.back();
  for (size_t i = 0; i < hashes_.size(); i++) {
    shares[owners_[i]] += std::ldexp(static_cast<double>(hashes_[i] - previous), -64);  // wraps as the circle does
    previous = hashes_[i];
  }
  if (hashes_.size() == 1) shares[owners_[0]] = 1.0;
  return shares;
}

}  // namespace limpet
