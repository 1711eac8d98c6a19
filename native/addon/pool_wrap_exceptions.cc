// The methods of class `Pool` on exceptions, which balancers of a cluster share: see NativeSharing in
// src/native/exceptions.ts.
#include "../relay/clock.h"
#include "placement_wrap.h"
#include "pool_wrap.h"

namespace limpet {

namespace {

// A key on its way: its kind, its value in little endian, and room for whoever seals it.
constexpr size_t kKeyBytes = 16;

constexpr double kEnd = -1;
constexpr double kNobody = -1;

void write_key(const AffinityKey& key, std::string& into) {
  char bytes[kKeyBytes] = {static_cast<char>(key.kind)};
  for (unsigned i = 0; i < 8; i++) bytes[1 + i] = static_cast<char>(key.value >> (8 * i));
  into.append(bytes, sizeof bytes);
}

// kNone: it is no key.
AffinityKey read_key(std::span<const uint8_t> bytes) {
  if (bytes[0] > static_cast<uint8_t>(KeyKind::kHashed)) return {};
  AffinityKey key{0, static_cast<KeyKind>(bytes[0])};
  for (unsigned i = 0; i < 8; i++) key.value |= uint64_t{bytes[1 + i]} << (8 * i);
  return key;
}

double told(uint32_t backend) { return backend == PinEvent::kNobody ? kNobody : backend; }

napi_value doubles_of(Call& call, const std::vector<double>& values) {
  return call.f64_array(values.size(),
                        [&](std::span<double> into) { std::copy(values.begin(), values.end(), into.begin()); });
}

}  // namespace

napi_value PoolWrap::share_exceptions(Call& call) {
  pool_->share_exceptions(std::max(1U, call.u32(0)));
  return nullptr;
}

napi_value PoolWrap::take_exceptions(Call& call) {
  std::vector<PinEvent> events(call.u32(0));
  ExceptionRing* const ring = pool_->exceptions();
  events.resize(ring ? ring->take(events) : 0);
  std::string keys;
  std::vector<double> told_events;
  for (const PinEvent& event : events) {
    write_key(event.key, keys);
    told_events.insert(told_events.end(), {static_cast<double>(event.kind), told(event.backend), told(event.before)});
  }
  const napi_value result = call.object();
  call.set(result, "keys", call.buffer(keys));
  call.set(result, "events", doubles_of(call, told_events));
  call.set(result, "waiting", call.of(ring ? static_cast<double>(ring->waiting()) : 0.0));
  call.set(result, "dropped", call.of(ring ? static_cast<double>(ring->dropped()) : 0.0));
  return result;
}

napi_value PoolWrap::list_exceptions(Call& call) {
  const WantedExceptions wanted{call.u64(2), call.flag(3)};
  return list_shared(call, [&](uint32_t& cursor, FunctionRef<void(const Exception&)> visit) {
    pool_->list_exceptions(cursor, call.u32(1), wanted, coarse_ms(), visit);
  });
}

napi_value PoolWrap::list_becoming(Call& call) {
  OtherHomes homes;
  if (!other_homes(call, 3, homes)) return nullptr;
  return list_shared(call, [&](uint32_t& cursor, FunctionRef<void(const Exception&)> visit) {
    pool_->list_becoming(cursor, call.u32(1), call.u64(2), homes, coarse_ms(), visit);
  });
}

napi_value PoolWrap::share_beside(Call& call) {
  auto homes = std::make_unique<OtherHomes>();
  if (call.missing(0)) {
    pool_->share_beside(nullptr);
  } else if (other_homes(call, 0, *homes)) {
    pool_->share_beside(std::move(homes));
  }
  return nullptr;
}

// False, with an exception pending: they are none.
bool PoolWrap::other_homes(Call& call, size_t at, OtherHomes& homes) const {
  const auto* const placement = call.wrapped<PlacementWrap>(at);
  if (placement && placement->other_homes(call.doubles(at + 1), homes)) return true;
  call.misuse("a placement, and a backend for each of its names");
  return false;
}

// A part of the table from the cursor on that is the first argument; `list` moves it on.
napi_value PoolWrap::list_shared(Call& call, FunctionRef<void(uint32_t&, FunctionRef<void(const Exception&)>)> list) {
  uint32_t cursor = call.u32(0);
  std::string keys;
  std::vector<double> pins;
  list(cursor, [&](const Exception& one) {
    write_key(one.key, keys);
    pins.insert(pins.end(), {static_cast<double>(one.backend), static_cast<double>(one.ttl_ms)});
  });
  const StickTable* const table = pool_->table();
  const napi_value result = call.object();
  call.set(result, "keys", call.buffer(keys));
  call.set(result, "pins", doubles_of(call, pins));
  call.set(result, "next", call.of(table && cursor < table->buckets() ? static_cast<double>(cursor) : kEnd));
  return result;
}

// Pairs of a backend and a ttl; a ttl of 0: it has ended. How many became what: the outcomes of Adopted, then those
// that were forgotten.
napi_value PoolWrap::adopt(Call& call) {
  constexpr size_t kForgotten = 5;
  const auto keys = call.bytes(0);
  const auto pins = call.doubles(1);
  const bool despite_sessions = call.flag(2);
  if (keys.size() / kKeyBytes != pins.size() / 2) return call.misuse("as many keys as pins");
  std::vector<double> outcomes(kForgotten + 1);
  for (size_t i = 0; i < pins.size() / 2; i++) {
    const AffinityKey key = read_key(keys.subspan(i * kKeyBytes, kKeyBytes));
    const auto identity = static_cast<uint32_t>(pins[2 * i]);
    const auto ttl_ms = static_cast<uint64_t>(std::max(0.0, pins[2 * i + 1]));
    const auto index = static_cast<uint16_t>(identity);
    const auto generation = static_cast<uint16_t>(identity >> 16);
    if (key.none()) {
      outcomes[static_cast<size_t>(Adopted::kUnknown)]++;
    } else if (ttl_ms == 0) {
      if (pool_->forget(key, index, generation, coarse_ms())) outcomes[kForgotten]++;
    } else {
      const Adopted outcome = pool_->adopt(key, index, generation, ttl_ms, coarse_ms(), despite_sessions);
      outcomes[static_cast<size_t>(outcome)]++;
    }
  }
  return doubles_of(call, outcomes);
}

}  // namespace limpet
