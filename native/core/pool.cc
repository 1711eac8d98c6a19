#include "pool.h"

#include <algorithm>

namespace limpet {

namespace {

// 4 MiB for 196,608 keys whose buckets are not full.
constexpr size_t kRateLines = 1 << 16;

// Null: how fast sessions come is not limited. The caller owns it.
KeyRates* make_rates(const KeyLimits& limits) {
  return limits.per_second > 0 ? new KeyRates(limits.per_second, limits.burst, kRateLines) : nullptr;
}

}  // namespace

Pool::Pool(const PoolRules& rules, std::shared_ptr<EpochDomain> domain) : Pool(rules, std::move(domain), nullptr, {}) {}

Pool::Pool(const PoolRules& rules, std::shared_ptr<EpochDomain> domain, std::unique_ptr<TableFile> file,
           const TableMoment& now)
    : rules_(rules),
      domain_(std::move(domain)),
      live_(rules.session_hint),
      limits_(rules.limits),
      bound_milli_(rules.bound_milli),
      admit_per_second_(rules.admit_per_second),
      max_sessions_(rules.max_sessions),
      return_home_(rules.return_home),
      sessions_per_key_(rules.limits.sessions),
      limits_keys_(rules.limits.any()),
      rates_(make_rates(rules.limits)),
      hot_(rules.hot.any() && rules.table_size > 0 ? std::make_unique<HotKeys>(rules.hot) : nullptr),
      queue_(rules.queue.size > 0 ? std::make_unique<WaitQueue>(rules.queue.size) : nullptr),
      counters_(std::make_shared<PoolCounters>(kMaxThreads)),
      registry_(std::make_shared<Registry>(rules.placement)) {
  if (file) {
    table_ = std::make_unique<StickTable>(rules.table_size, rules.ttl_ms, std::move(file), &live_, now);
    registry_->adopt(*table_->file());
  } else if (rules.table_size > 0) {
    table_ = std::make_unique<StickTable>(rules.table_size, rules.ttl_ms, rules.table_secret, &live_);
  }
  std::vector<Backend*> released;
  roster_.store(registry_->make_roster(nullptr, released).release(), std::memory_order_release);
}

Pool::~Pool() {
  delete roster_.load(std::memory_order_acquire);
  delete rates_.load(std::memory_order_acquire);
  delete exceptions_.load(std::memory_order_acquire);
  delete beside_.load(std::memory_order_acquire);
}

int64_t Pool::set_backend(const std::string& name, const BackendSettings& settings) {
  return registry_->set(name, settings, table());
}

bool Pool::remove_backend(const std::string& name) {
  // Nobody could give them back: the record waits for its own sessions only.
  inherit(name, 0);
  if (Backend* const backend = registry_->find(name)) set_peers(*backend, 0);
  return registry_->remove(name, table());
}

bool Pool::inherit(const std::string& name, uint32_t sessions) {
  Backend* const backend = registry_->find(name);
  if (!backend) return false;
  const uint32_t before = backend->inherited();
  const uint32_t now = std::min(sessions, kMostInherited);
  // As sessions do: m is never below the sum of the loads.
  if (now > before) seats_.fetch_add(now - before, std::memory_order_acq_rel);
  backend->inherit(now);
  if (now < before) {
    seats_.fetch_sub(before - now, std::memory_order_acq_rel);
    // As one who gives a seat back: m has changed, and those who wait here are called.
    if (queue_) call_waiters();
  }
  return true;
}

uint64_t Pool::publish() {
  const Roster* const old = roster_.load(std::memory_order_relaxed);
  std::vector<Backend*> released;
  const Roster* const fresh = registry_->make_roster(old, released).release();
  roster_.store(fresh, std::memory_order_seq_cst);
  const uint64_t number = fresh->number;
  if (queue_) touch_seats_and_call();
  domain_->retire([old, released = std::move(released), registry = registry_] {
    delete old;
    registry->free_records(released);
  });
  return number;
}

void Pool::set_limits(const PoolRules& rules) {
  const KeyLimits& limits = rules.limits;
  bound_milli_.store(rules.bound_milli, std::memory_order_relaxed);
  admit_per_second_.store(rules.admit_per_second, std::memory_order_relaxed);
  max_sessions_.store(rules.max_sessions, std::memory_order_relaxed);
  return_home_.store(rules.return_home, std::memory_order_relaxed);
  sessions_per_key_.store(limits.sessions, std::memory_order_relaxed);
  if (!limits.same_rate(limits_)) {
    // Buckets of another rate say nothing about this one: every key begins with a full one.
    KeyRates* const old = rates_.exchange(make_rates(limits), std::memory_order_seq_cst);
    if (old) domain_->retire([old] { delete old; });
  }
  limits_ = limits;
  limits_keys_.store(limits.any(), std::memory_order_release);
  // There may be room now for those who wait.
  if (queue_) touch_seats_and_call();
}

}  // namespace limpet
