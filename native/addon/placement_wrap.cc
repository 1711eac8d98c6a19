#include "placement_wrap.h"

#include <algorithm>
#include <numeric>

#include "convert.h"

namespace limpet {

Napi::Function PlacementWrap::define(Napi::Env env) {
  return DefineClass(env, "Placement",
                     {
                         InstanceMethod<&PlacementWrap::home>("home"),
                         InstanceMethod<&PlacementWrap::home>("homeOfBytes"),
                         InstanceMethod<&PlacementWrap::order>("order"),
                         InstanceMethod<&PlacementWrap::order>("orderOfBytes"),
                         InstanceMethod<&PlacementWrap::shares>("shares"),
                     });
}

PlacementWrap::PlacementWrap(const Napi::CallbackInfo& info) : Napi::ObjectWrap<PlacementWrap>(info) {
  PlacementRules rules;
  rules.kind = static_cast<PlacementKind>(to_u32(info[0]));
  rules.ring_points = to_u32(info[1]);
  if (!read_secret(info[2], rules.secret) || !read_secret(info[3], keys_.secret)) {
    misuse(info.Env(), "a secret has 192 bytes");
    return;
  }
  secret_ = rules.secret;
  keys_.ipv4_prefix = static_cast<uint8_t>(to_u32(info[4]));
  keys_.ipv6_prefix = static_cast<uint8_t>(to_u32(info[5]));
  const auto list = info[6].As<Napi::Array>();
  const auto weights = info[7].As<Napi::Uint32Array>();
  std::vector<std::string> names;
  for (uint32_t i = 0; i < list.Length(); i++) names.push_back(list.Get(i).ToString().Utf8Value());
  names_ = names.size();
  if (weights.ElementLength() < names.size() || names.size() > kMaxBackends) {
    misuse(info.Env(), "a weight for each name, and at most 10,000 of them");
    return;
  }
  for (uint32_t i = 0; i < names.size(); i++) {
    if (weights[i] > 0) given_.push_back(i);
  }
  std::sort(given_.begin(), given_.end(), [&](uint32_t a, uint32_t b) { return names[a] < names[b]; });
  std::vector<Member> members;
  for (const uint32_t i : given_) members.push_back({names[i], weights[i], i});
  placement_ = make_placement(rules, members, nullptr);
}

Napi::Value PlacementWrap::home(const Napi::CallbackInfo& info) {
  AffinityKey key;
  if (!read_key(info[0], keys_, key)) return Napi::Number::New(info.Env(), -2);
  const Position position = placement_->home(hash(key));
  return Napi::Number::New(info.Env(), position == kNoPosition ? -1.0 : given_[position]);
}

Napi::Value PlacementWrap::order(const Napi::CallbackInfo& info) {
  AffinityKey key;
  if (!read_key(info[0], keys_, key)) return info.Env().Null();
  const auto positions = placement_->order(hash(key));
  auto order = Napi::Uint16Array::New(info.Env(), positions.size());
  for (size_t i = 0; i < positions.size(); i++) order[i] = static_cast<uint16_t>(given_[positions[i]]);
  return order;
}

Napi::Value PlacementWrap::shares(const Napi::CallbackInfo& info) {
  const auto by_position = placement_->shares();
  auto shares = Napi::Float64Array::New(info.Env(), names_);
  for (size_t i = 0; i < by_position.size(); i++) shares[given_[i]] = by_position[i];
  return shares;
}

}  // namespace limpet
