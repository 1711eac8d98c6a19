#include "pool_wrap.h"

#include <limits>
#include <string>

#include "../relay/clock.h"
#include "../relay/socket_address.h"

namespace limpet {

namespace {

constexpr double kHandleUnit = 1 << 20;
constexpr double kBadAddress = -3;

// Outcome in src/native.ts; 2 is "abandoned".
constexpr uint32_t kServed = 0;
constexpr uint32_t kFailed = 1;
constexpr uint32_t kReset = 3;  // was served, and reset in its first moments

// Of a backend, as readBackends() tells them.
constexpr size_t kFigures = 5;

// One line `address home`. False: it is no address.
bool append_home(std::string& output, std::string_view line, const Pool& pool) {
  output.append(line);
  output.push_back(' ');
  const auto address = parse_address(line);
  if (address) {
    const Roster& roster = pool.roster();
    const RosterEntry* const home = roster.home(pool.place_hash(pool.key(*address)));
    output.append(home ? home->backend->name : "-");
  } else {
    output.push_back('!');
  }
  output.push_back('\n');
  return address.has_value();
}

std::string_view trim(std::string_view line) {
  while (!line.empty() && (line.back() == '\r' || line.back() == ' ' || line.back() == '\t')) line.remove_suffix(1);
  while (!line.empty() && (line.front() == ' ' || line.front() == '\t')) line.remove_prefix(1);
  return line;
}

}  // namespace

Napi::Function PoolWrap::define(Napi::Env env) {
  return DefineClass(env, "Pool",
                     {
                         open_method<&PoolWrap::set_backend>("setBackend"),
                         open_method<&PoolWrap::remove_backend>("removeBackend"),
                         open_method<&PoolWrap::publish>("publish"),
                         open_method<&PoolWrap::set_limits>("setLimits"),
                         open_method<&PoolWrap::inherit>("inherit"),
                         open_method<&PoolWrap::set_peer_sessions>("setPeerSessions"),
                         open_method<&PoolWrap::redispatch>("redispatch"),
                         open_method<&PoolWrap::on_turn>("onTurn"),
                         open_method<&PoolWrap::take_turn>("takeTurn"),
                         open_method<&PoolWrap::stop_waiting>("stopWaiting"),
                         open_method<&PoolWrap::knows>("knows"),
                         open_method<&PoolWrap::learn>("learn"),
                         open_method<&PoolWrap::admit>("admit"),
                         open_method<&PoolWrap::serves_still>("servesStill"),
                         open_method<&PoolWrap::confirm>("confirm"),
                         open_method<&PoolWrap::answered>("answered"),
                         open_method<&PoolWrap::explain>("explain"),
                         open_method<&PoolWrap::place_of>("placeOf"),
                         open_method<&PoolWrap::homes>("homes"),
                         open_method<&PoolWrap::read_backends>("readBackends"),
                         open_method<&PoolWrap::take_failures>("takeFailures"),
                         open_method<&PoolWrap::read_bounds>("readBounds"),
                         open_method<&PoolWrap::count_pins>("countPins"),
                         open_method<&PoolWrap::list_pins>("listPins"),
                         open_method<&PoolWrap::pin_of>("pinOf"),
                         open_method<&PoolWrap::set_pin>("setPin"),
                         open_method<&PoolWrap::erase_pin>("erasePin"),
                         open_method<&PoolWrap::erase_pins>("erasePins"),
                         open_method<&PoolWrap::share_exceptions>("shareExceptions"),
                         open_method<&PoolWrap::take_exceptions>("takeExceptions"),
                         open_method<&PoolWrap::list_exceptions>("listExceptions"),
                         open_method<&PoolWrap::list_becoming>("listBecoming"),
                         open_method<&PoolWrap::share_beside>("shareBeside"),
                         open_method<&PoolWrap::adopt>("adopt"),
                         open_method<&PoolWrap::survey_keys>("surveyKeys"),
                         open_method<&PoolWrap::is_spread>("isSpread"),
                         open_method<&PoolWrap::table_file>("tableFile"),
                         open_method<&PoolWrap::forget_absent>("forgetAbsent"),
                         open_method<&PoolWrap::keep_table>("keepTable"),
                         open_method<&PoolWrap::gauges>("gauges"),
                         method<PoolWrap, &PoolWrap::close>("close"),
                     });
}

PoolWrap::PoolWrap(const Napi::CallbackInfo& info)
    : Napi::ObjectWrap<PoolWrap>(info), state_(EnvState::of(info.Env())) {
  Call call(info);
  make(call);
}

namespace {

// In the order of limitsOf() in src/pool/native-pool.ts.
bool read_limits(std::span<const uint32_t> limits, PoolRules& rules) {
  if (limits.size() != 11) return false;
  rules.limits = {limits[0], limits[1], limits[2]};
  rules.admit_per_second = limits[3];
  rules.max_sessions = limits[4];
  rules.return_home = static_cast<ReturnHome>(limits[5]);
  rules.queue = {limits[6], limits[7]};
  rules.hot = {limits[8], std::min(limits[9], kMostSpread), limits[10] != 0};
  return true;
}

}  // namespace

void PoolWrap::make(Call& call) {
  PoolRules rules;
  rules.placement.kind = static_cast<PlacementKind>(call.u32(0));
  rules.placement.ring_points = call.u32(1);
  rules.bound_milli = call.u32(2);
  rules.keys = call.prefixes(5);
  if (!call.secret(3, rules.placement.secret) || !call.secret(4, rules.keys.secret)) {
    call.misuse("a secret has 192 bytes");
    return;
  }
  rules.table_size = call.u64(7);
  rules.ttl_ms = call.u64(8);
  rules.session_hint = call.u32(9);
  if (!call.missing(10) && !read_limits(call.words(10), rules)) {
    call.misuse("there are eleven limits");
    return;
  }
  if (!random_secret(rules.table_secret)) {
    call.failure("the kernel gave no random bytes");
    return;
  }
  if (!state_.thread.ok()) {
    call.failure("too many threads");
    return;
  }
  const std::string file = call.text(11);
  if (file.empty()) {
    pool_ = std::make_shared<Pool>(rules, state_.domain);
  } else if (!make_in_file(call, rules, file)) {
    return;
  }
  if (!pool_->usable()) {
    call.no_memory("no memory for a stick table of this size");
    return;
  }
  const auto& counters = pool_->counters();
  call.set(call.self(), "counters", call.shared_counters(counters->data(), counters->bytes(), counters));
  add_own_method<PoolWrap, &PoolWrap::open<&PoolWrap::pick>>(call, this, "pick");
  add_own_method<PoolWrap, &PoolWrap::open<&PoolWrap::release>>(call, this, "release");
}

napi_value PoolWrap::set_backend(Call& call) {
  BackendSettings settings;
  settings.weight = call.u32(1);
  settings.max_sessions = call.u32(2);
  settings.state = static_cast<BackendState>(call.u32(3));
  settings.endpoint = make_endpoint(call.text(4), static_cast<uint16_t>(call.u32(5)));
  settings.backup = call.flag(6);
  if (!call.missing(7)) settings.ramp = call.u32(7);
  return call.of(static_cast<double>(pool_->set_backend(call.text(0), settings)));
}

napi_value PoolWrap::remove_backend(Call& call) { return call.of(pool_->remove_backend(call.text(0))); }

napi_value PoolWrap::publish(Call& call) { return call.of(static_cast<double>(pool_->publish())); }

napi_value PoolWrap::set_limits(Call& call) {
  PoolRules rules;
  if (!read_limits(call.words(1), rules)) return call.misuse("there are eleven limits");
  rules.bound_milli = call.u32(0);
  pool_->set_limits(rules);
  return nullptr;
}

napi_value PoolWrap::inherit(Call& call) { return call.of(pool_->inherit(call.text(0), call.u32(1))); }

napi_value PoolWrap::set_peer_sessions(Call& call) {
  pool_->set_peer_sessions(call.words(0));
  return nullptr;
}

uint32_t PoolWrap::claim_seat() {
  if (free_seats_.empty()) {
    seats_.push_back({Seat{}, true});
    return static_cast<uint32_t>(seats_.size() - 1);
  }
  const uint32_t handle = free_seats_.back();
  free_seats_.pop_back();
  seats_[handle] = {Seat{}, true};
  return handle;
}

void PoolWrap::free_seat(uint32_t handle) {
  seats_[handle].held = false;
  free_seats_.push_back(handle);
}

double PoolWrap::packed(uint32_t handle, PickStatus status) const {
  if (status != PickStatus::kOk) return static_cast<double>(status);
  const Seat& seat = seats_[handle].seat;
  return handle * kHandleUnit + seat.backend->index * 16 + static_cast<unsigned>(seat.reason);
}

napi_value PoolWrap::pick(Call& call) {
  AffinityKey key;
  if (const auto address = call.address(0)) {
    key = pool_->key(*address);
  } else if (!call.missing(0) && !call.key(0, pool_->rules().keys, key)) {
    return call.of(kBadAddress);
  }
  const uint32_t handle = claim_seat();
  const bool may_wait = bell_ && call.flag(1);
  if (!call.missing(2)) {
    seats_[handle].seat.named = {static_cast<uint16_t>(call.u32(2)), static_cast<uint16_t>(call.u32(3))};
  }
  const PickStatus status =
      pool_->pick(state_.thread, key, seats_[handle].seat, coarse_ms(), may_wait, told_apart_by(call, 4));
  if (status == PickStatus::kOk) return call.of(packed(handle, status));
  if (status != PickStatus::kPoolFull || !may_wait) {
    free_seat(handle);
    return call.of(packed(handle, status));
  }
  const double waits = wait(handle);
  if (waits > kWaits) {
    pool_->release(seats_[handle].seat, true, coarse_ms());
    free_seat(handle);
  }
  return call.of(waits);
}

Seat* PoolWrap::seat(Call& call, uint32_t handle) {
  if (handle >= seats_.size()) {
    call.misuse("not a handle of a pick");
    return nullptr;
  }
  return seats_[handle].held ? &seats_[handle].seat : nullptr;
}

napi_value PoolWrap::redispatch(Call& call) {
  const uint32_t handle = call.u32(0);
  Seat* const taken = seat(call, handle);
  if (!taken || !taken->backend) return call.of(static_cast<double>(PickStatus::kNoBackend));
  const bool local_failure = call.flag(1);
  if (!local_failure && !call.flag(2)) Pool::blame(*taken);
  const PickStatus status = pool_->redispatch(state_.thread, *taken, local_failure, coarse_ms());
  return call.of(status == PickStatus::kPoolFull && bell_ ? wait(handle) : packed(handle, status));
}

napi_value PoolWrap::knows(Call& call) { return call.of(pool_->knows(pool_->key(call.bytes(0)), coarse_ms())); }

napi_value PoolWrap::learn(Call& call) {
  Seat* const taken = seat(call, call.u32(1));
  if (taken && taken->backend) pool_->learn(state_.thread, pool_->key(call.bytes(0)), *taken, coarse_ms());
  return nullptr;
}

napi_value PoolWrap::admit(Call& call) {
  Seat* const taken = seat(call, call.u32(0));
  if (!taken || !taken->backend) return call.of(0.0);
  const auto wait_ms = pool_->admit(state_.thread, *taken, coarse_ms(), call.u64(1));
  return call.of(wait_ms ? static_cast<double>(*wait_ms) : -1.0);
}

napi_value PoolWrap::serves_still(Call& call) {
  Seat* const taken = seat(call, call.u32(0));
  return call.of(taken && taken->backend && pool_->serves_still(*taken));
}

napi_value PoolWrap::confirm(Call& call) {
  Seat* const taken = seat(call, call.u32(0));
  if (taken && taken->backend) pool_->confirm(state_.thread, *taken, coarse_ms());
  return nullptr;
}

napi_value PoolWrap::answered(Call& call) {
  Seat* const taken = seat(call, call.u32(0));
  if (taken && taken->backend) Pool::clear_reset(*taken);
  return nullptr;
}

napi_value PoolWrap::release(Call& call) {
  const uint32_t handle = call.u32(0);
  const uint32_t outcome = call.u32(1);
  Seat* const taken = seat(call, handle);
  if (!taken) return nullptr;
  const uint64_t now = coarse_ms();
  if (outcome == kFailed && taken->backend) Pool::blame(*taken);
  const bool served = outcome == kServed || outcome == kReset;
  if (served && taken->backend) {
    if (!taken->established && !taken->pinned) pool_->confirm(state_.thread, *taken, now);
    taken->backend->connect_row.went_well();
    if (outcome == kReset) {
      Pool::blame_reset(*taken);
    } else {
      Pool::clear_reset(*taken);
    }
  }
  pool_->release(*taken, !served, now);
  free_seat(handle);
  return nullptr;
}

napi_value PoolWrap::explain(Call& call) {
  AffinityKey key;
  if (!call.key(0, pool_->rules().keys, key)) return call.null();
  const Roster& roster = pool_->roster();
  const auto entries = roster.order(pool_->place_hash(key));
  int pin = -1;
  double expires = -1;
  if (StickTable* const table = pool_->table()) {
    const auto found = table->find(key, table->hash(key), coarse_ms());
    if (found && roster.find(found->pin.backend, found->pin.generation)) {
      pin = found->pin.backend;
      if (!pool_->live_keys().any(key, table->hash(key))) expires = static_cast<double>(found->expires_in_ms);
    }
  }
  const napi_value result = call.object();
  call.set(result, "key", call.of(key_text(key, pool_->rules().keys)));
  call.set(result, "order", call.u16_array(entries.size(), [&](std::span<uint16_t> order) {
    for (size_t i = 0; i < order.size(); i++) order[i] = roster.entries[entries[i]].backend->index;
  }));
  call.set(result, "homeKey", call.of(home_text(key)));
  call.set(result, "pin", call.of(static_cast<double>(pin)));
  call.set(result, "expiresInMs", call.of(expires));
  call.set(result, "returns", call.of(pool_->would_return(key, coarse_ms())));
  const RosterEntry* const block = pool_->block_pin(key, coarse_ms());
  call.set(result, "blockPin", call.of(block ? static_cast<double>(block->backend->index) : -1.0));
  call.set(result, "places", homes_of_places(call, key));
  return result;
}

napi_value PoolWrap::place_of(Call& call) {
  const auto address = call.address(0);
  if (!address) return call.null();
  const AffinityKey key = pool_->key(*address);
  // Its clients belong to several.
  if (pool_->is_spread(key)) return call.null();
  const RosterEntry* const home = pool_->roster().home(pool_->place_hash(key));
  const napi_value result = call.object();
  call.set(result, "key", call.of(key_text(key, pool_->rules().keys)));
  call.set(result, "home", call.of(home ? static_cast<double>(home->backend->index) : -1.0));
  call.set(result, "hasRoom", call.of(pool_->home_has_room(key, call.u32(1))));
  return result;
}

napi_value PoolWrap::homes(Call& call) {
  const auto input = call.bytes(0);
  const std::string_view text(reinterpret_cast<const char*>(input.data()), input.size());
  std::string output;
  output.reserve(text.size() * 2);
  size_t at = 0;
  double malformed = 0;
  for (size_t end = text.find('\n'); end != std::string_view::npos; end = text.find('\n', at)) {
    const std::string_view line = trim(text.substr(at, end - at));
    at = end + 1;
    if (!line.empty() && !append_home(output, line, *pool_)) malformed++;
  }
  const napi_value result = call.object();
  call.set(result, "output", call.buffer(output));
  call.set(result, "consumed", call.of(static_cast<double>(at)));
  call.set(result, "malformed", call.of(malformed));
  return result;
}

napi_value PoolWrap::read_backends(Call& call) {
  const auto into = call.doubles(0);
  const size_t room = into.size() / kFigures;
  pool_->registry().each([&](const Backend& backend) {
    if (backend.index >= room) return;
    double* const row = &into[backend.index * kFigures];
    row[0] = backend.sessions();
    row[1] = static_cast<double>(backend.total());
    row[2] = static_cast<double>(backend.connect_failures());
    row[3] = backend.inherited();
    row[4] = backend.peers();
  });
  return call.of(static_cast<double>(pool_->registry().indexes()));
}

napi_value PoolWrap::take_failures(Call& call) {
  const auto into = call.doubles(0);
  const uint32_t at_least = call.u32(1);
  const Roster& roster = pool_->roster();
  for (const RosterEntry& entry : roster.entries) {
    Backend& backend = *entry.backend;
    if (backend.index * 2U + 1 >= into.size()) continue;
    into[backend.index * 2U] = backend.connect_row.take(at_least);
    into[backend.index * 2U + 1] = backend.reset_row.take(at_least);
  }
  return nullptr;
}

napi_value PoolWrap::read_bounds(Call& call) {
  const auto into = call.doubles(0);
  pool_->each_candidate([&](const Backend& backend, uint64_t bound) {
    if (backend.index >= into.size()) return;
    into[backend.index] =
        bound == Pool::kNoBound ? std::numeric_limits<double>::infinity() : static_cast<double>(bound);
  });
  return nullptr;
}

napi_value PoolWrap::count_pins(Call& call) {
  const auto into = call.doubles(0);
  const StickTable* const table = pool_->table();
  if (!table) return call.of(1.0);
  const Roster& roster = pool_->roster();
  const uint32_t looked_at = table->sample_pins(call.u32(1), coarse_ms(), [&](const Pin& pin) {
    if (pin.backend < into.size() && roster.find(pin.backend, pin.generation)) into[pin.backend]++;
  });
  return call.of(static_cast<double>(looked_at) / table->buckets());
}

napi_value PoolWrap::gauges(Call& call) {
  const auto into = call.doubles(0);
  const StickTable* const table = pool_->table();
  const double values[] = {
      table ? static_cast<double>(table->entries()) : 0,
      table ? static_cast<double>(table->size()) : 0,
      table ? static_cast<double>(table->bytes()) : 0,
      static_cast<double>(pool_->seats()),
      static_cast<double>(pool_->roster().number),
      static_cast<double>(seats_.size() - free_seats_.size()),
      static_cast<double>(pool_->waiting()),
      pool_->hot_keys() ? static_cast<double>(pool_->hot_keys()->size()) : 0,
      pool_->exceptions() ? static_cast<double>(pool_->exceptions()->waiting()) : 0,
      pool_->exceptions() ? static_cast<double>(pool_->exceptions()->dropped()) : 0,
  };
  for (size_t i = 0; i < std::size(values) && i < into.size(); i++) into[i] = values[i];
  return nullptr;
}

napi_value PoolWrap::close(Call&) {
  empty_queue();
  pool_ = nullptr;  // a relay that serves the pool keeps it until it stops; then its table is gone, collected or not
  seats_.clear();
  free_seats_.clear();
  return nullptr;
}

}  // namespace limpet
