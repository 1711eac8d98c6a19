// The methods of class `Pool` on its stick table.
#include "../relay/clock.h"
#include "pool_wrap.h"

namespace limpet {

namespace {

// What src/pool/table.ts reads of an entry.
constexpr unsigned kAway = 1;
constexpr unsigned kProvisional = 2;

constexpr double kNotAKey = -2;
constexpr double kEnd = -1;

napi_value entries_of(Call& call, Pool& pool, const std::vector<StickTable::Listed>& listed) {
  const napi_value keys = call.array(listed.size());
  for (size_t i = 0; i < listed.size(); i++) {
    call.put(keys, i, call.of(key_text(listed[i].key, pool.rules().keys)));
  }
  const auto each = [&](auto&& of) {
    return [&listed, of](std::span<double> into) {
      for (size_t i = 0; i < into.size(); i++) into[i] = static_cast<double>(of(listed[i]));
    };
  };
  const auto doubles = [&](auto&& of) { return call.f64_array(listed.size(), each(of)); };
  const napi_value result = call.object();
  call.set(result, "keys", keys);
  call.set(result, "backends", doubles([](const auto& entry) { return entry.found.pin.backend; }));
  call.set(result, "flags", doubles([](const auto& entry) {
             return (entry.found.pin.away ? kAway : 0) | (entry.found.pin.provisional ? kProvisional : 0);
           }));
  call.set(result, "sessions", doubles([&](const auto& entry) {
             return pool.live_keys().count(entry.key, pool.table()->hash(entry.key));
           }));
  call.set(result, "idleMs", doubles([](const auto& entry) { return entry.found.idle_ms; }));
  call.set(result, "expiresInMs", doubles([](const auto& entry) { return entry.found.expires_in_ms; }));
  return result;
}

}  // namespace

const Backend* PoolWrap::backend_at(Call& call, size_t at) const {
  const RosterEntry* const entry =
      pool_->roster().find(static_cast<uint16_t>(call.u32(at)), static_cast<uint16_t>(call.u32(at + 1)));
  return entry ? entry->backend : nullptr;
}

napi_value PoolWrap::list_pins(Call& call) {
  StickTable* const table = pool_->table();
  uint32_t cursor = call.u32(0);
  const bool all = call.missing(2);
  const Backend* const wanted = all ? nullptr : backend_at(call, 2);
  const bool away_only = call.flag(4);
  std::vector<StickTable::Listed> listed;
  if (table) listed = table->list(cursor, call.u32(1), coarse_ms());
  std::erase_if(listed, [&](const StickTable::Listed& entry) {
    const Pin& pin = entry.found.pin;
    const RosterEntry* const owner = pool_->roster().find(pin.backend, pin.generation);
    return !owner || (!all && owner->backend != wanted) || (away_only && !pin.away);
  });
  const napi_value result = entries_of(call, *pool_, listed);
  call.set(result, "next", call.of(table && cursor < table->buckets() ? static_cast<double>(cursor) : kEnd));
  return result;
}

napi_value PoolWrap::pin_of(Call& call) {
  const auto key = parse_key(call.text(0), pool_->rules().keys);
  if (!key) return call.null();
  std::vector<StickTable::Listed> listed;
  if (StickTable* const table = pool_->table()) {
    const auto found = table->find(*key, table->hash(*key), coarse_ms());
    if (found && pool_->roster().find(found->pin.backend, found->pin.generation)) listed.push_back({*key, *found});
  }
  return entries_of(call, *pool_, listed);
}

napi_value PoolWrap::set_pin(Call& call) {
  const auto key = parse_key(call.text(0), pool_->rules().keys);
  if (!key) return call.of(kNotAKey);
  const auto stored = pool_->set_pin(*key, static_cast<uint16_t>(call.u32(1)), static_cast<uint16_t>(call.u32(2)),
                                     call.u64(3), coarse_ms());
  return call.of(stored && *stored != Stored::kRejected);
}

napi_value PoolWrap::erase_pin(Call& call) {
  const auto key = parse_key(call.text(0), pool_->rules().keys);
  if (!key) return call.of(kNotAKey);
  return call.of(pool_->erase_pin(*key, coarse_ms()));
}

napi_value PoolWrap::erase_pins(Call& call) {
  StickTable* const table = pool_->table();
  uint32_t cursor = call.u32(0);
  const bool all = call.missing(1);
  const Backend* const wanted = all ? nullptr : backend_at(call, 1);
  // A backend that is not in the roster has no pins that anybody follows.
  const size_t erased = all || wanted ? pool_->erase_pins(cursor, wanted) : 0;
  const bool is_end = !table || (!all && !wanted) || cursor >= table->buckets();
  const napi_value result = call.object();
  call.set(result, "erased", call.of(static_cast<double>(erased)));
  call.set(result, "next", call.of(is_end ? kEnd : static_cast<double>(cursor)));
  return result;
}

}  // namespace limpet
