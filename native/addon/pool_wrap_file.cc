// The methods of class `Pool` on the file of its stick table.
#include "../relay/clock.h"
#include "pool_wrap.h"

namespace limpet {

namespace {

TableMoment moment() {
  static const auto boot = boot_of_machine();
  return {coarse_ms(), read_clock_us(CLOCK_REALTIME) / 1000, boot};
}

TableShape table_shape(uint64_t size, uint64_t ttl_ms, const KeyRules& keys) {
  return {size, StickTable::bytes_of(size), ttl_ms, keys};
}

}  // namespace

// The pool's table in a file; false: with an exception pending.
bool PoolWrap::make_in_file(Call& call, const PoolRules& rules, const std::string& path) {
  int error = 0;
  const TableMoment now = moment();
  const TableShape shape = table_shape(rules.table_size, rules.ttl_ms, rules.keys);
  auto file = TableFile::open(path, shape, now, rules.table_secret, error);
  if (!file) {
    call.failure("the file of the stick table", error);
    return false;
  }
  aside_ = file->aside().substr(file->aside().empty() ? 0 : path.size());
  pool_ = std::make_shared<Pool>(rules, state_.domain, std::move(file), now);
  return true;
}

napi_value PoolWrap::table_file(Call& call) {
  const StickTable* const table = pool_->table();
  const TableFile* const file = table ? table->file() : nullptr;
  if (!file) return call.null();
  const StickTable::Restored& restored = table->restored();
  const napi_value result = call.object();
  call.set(result, "generation", call.of(static_cast<double>(file->generation())));
  call.set(result, "replaced", call.of(static_cast<double>(file->replaced())));
  call.set(result, "aside", call.of(aside_));
  call.set(result, "restored", call.of(static_cast<double>(restored.pins)));
  call.set(result, "dropped", call.of(static_cast<double>(restored.dropped)));
  call.set(result, "torn", call.of(static_cast<double>(restored.torn)));
  return result;
}

napi_value PoolWrap::forget_absent(Call&) {
  pool_->forget_absent();
  return nullptr;
}

napi_value PoolWrap::keep_table(Call&) {
  pool_->keep_table(moment());
  return nullptr;
}

napi_value inspect_table(Call& call) {
  int error = 0;
  const TableFound found = TableFile::inspect(call.text(0), table_shape(call.u64(1), 1, {}), error);
  return call.of(error != 0 ? -static_cast<double>(error) : static_cast<double>(found));
}

}  // namespace limpet
