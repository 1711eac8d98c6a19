#include "placement_wrap.h"

#include <algorithm>

#include "../core/rendezvous.h"

namespace limpet {

Napi::Function PlacementWrap::define(Napi::Env env) {
  return DefineClass(env, "Placement",
                     {
                         method<PlacementWrap, &PlacementWrap::home>("home"),
                         method<PlacementWrap, &PlacementWrap::home>("homeOfBytes"),
                         method<PlacementWrap, &PlacementWrap::order>("order"),
                         method<PlacementWrap, &PlacementWrap::order>("orderOfBytes"),
                         method<PlacementWrap, &PlacementWrap::shares>("shares"),
                         method<PlacementWrap, &PlacementWrap::homes>("homes"),
                     });
}

PlacementWrap::PlacementWrap(const Napi::CallbackInfo& info) : Napi::ObjectWrap<PlacementWrap>(info) {
  Call call(info);
  make(call);
}

void PlacementWrap::make(Call& call) {
  PlacementRules rules;
  rules.kind = static_cast<PlacementKind>(call.u32(0));
  rules.ring_points = call.u32(1);
  keys_ = call.prefixes(4);
  if (!call.secret(2, rules.secret) || !call.secret(3, keys_.secret)) {
    call.misuse("a secret has 192 bytes");
    return;
  }
  secret_ = rules.secret;
  const auto names = call.texts(6);
  const auto weights = call.words(7);
  names_ = names.size();
  if (weights.size() < names.size() || names.size() > kMaxBackends) {
    call.misuse("a weight for each name, and at most 10,000 of them");
    return;
  }
  for (uint32_t i = 0; i < names.size(); i++) {
    if (weights[i] > 0) given_.push_back(i);
  }
  std::sort(given_.begin(), given_.end(), [&](uint32_t a, uint32_t b) { return names[a] < names[b]; });
  std::vector<Member> members;
  for (const uint32_t i : given_) members.push_back({names[i], weights[i], i});
  const auto* const predecessor = call.wrapped<PlacementWrap>(8);
  placement_ = make_placement(rules, members, predecessor ? predecessor->placement_.get() : nullptr);
}

bool PlacementWrap::other_homes(std::span<const double> identities, OtherHomes& homes) const {
  if (identities.size() < names_) return false;
  homes.placement = placement_;
  for (const uint32_t name : given_) {
    homes.identities.push_back(identities[name] < 0 ? PinEvent::kNobody : static_cast<uint32_t>(identities[name]));
  }
  return true;
}

napi_value PlacementWrap::home(Call& call) {
  AffinityKey key;
  if (!call.key(0, keys_, key)) return call.of(-2.0);
  const Position position = placement_->home(hash(key));
  return call.of(position == kNoPosition ? -1.0 : given_[position]);
}

napi_value PlacementWrap::order(Call& call) {
  AffinityKey key;
  if (!call.key(0, keys_, key)) return call.null();
  const auto positions = placement_->order(hash(key));
  return call.u16_array(positions.size(), [&](std::span<uint16_t> order) {
    for (size_t i = 0; i < order.size(); i++) order[i] = static_cast<uint16_t>(given_[positions[i]]);
  });
}

napi_value PlacementWrap::shares(Call& call) {
  const auto by_position = placement_->shares();
  return call.f64_array(names_, [&](std::span<double> shares) {
    for (size_t i = 0; i < by_position.size(); i++) shares[given_[i]] = by_position[i];
  });
}

napi_value PlacementWrap::homes(Call& call) {
  const uint32_t count = std::min(call.u32(0), kPlacementSlots);
  return call.u16_array(count, [&](std::span<uint16_t> homes) {
    for (uint64_t i = 0; i < count; i++) {
      // Rendezvous looks at the low bits, the ring at the whole number: both are covered evenly.
      const uint64_t slot = i * kPlacementSlots / count;
      const uint64_t on_circle = (i << 32) / count << 32;
      const Position position = placement_->home(on_circle | slot);
      homes[i] = position == kNoPosition ? kNoPosition : static_cast<uint16_t>(given_[position]);
    }
  });
}

}  // namespace limpet
