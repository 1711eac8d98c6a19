#include "placement.h"

#include <string>

#include "rendezvous.h"
#include "ring.h"

namespace limpet {

uint64_t hash_name(std::string_view name, const Secret& secret) {
  std::string bytes;
  const auto length = static_cast<uint32_t>(name.size());
  for (unsigned i = 0; i < 4; i++) bytes.push_back(static_cast<char>(length >> (8 * i)));
  bytes.append(name);
  return keyed_hash(bytes.data(), bytes.size(), secret);
}

std::unique_ptr<Placement> make_placement(const PlacementRules& rules, const std::vector<Member>& members,
                                          const Placement* predecessor) {
  if (rules.kind == PlacementKind::kRing) {
    return std::make_unique<Ring>(rules, members, static_cast<const Ring*>(predecessor));
  }
  return std::make_unique<Rendezvous>(rules, members, static_cast<const Rendezvous*>(predecessor));
}

}  // namespace limpet
