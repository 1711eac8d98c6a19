#include "pool.h"

namespace limpet {

namespace {

// 4 MiB for 196,608 keys whose buckets are not full.
constexpr size_t kRateLines = 1 << 16;

}  // namespace

Pool::Pool(const PoolRules& rules, std::shared_ptr<EpochDomain> domain) : Pool(rules, std::move(domain), nullptr, {}) {}

Pool::Pool(const PoolRules& rules, std::shared_ptr<EpochDomain> domain, std::unique_ptr<TableFile> file,
           const TableMoment& now)
    : rules_(rules),
      domain_(std::move(domain)),
      live_(rules.session_hint),
      queue_(rules.queue.size > 0 ? std::make_unique<WaitQueue>(rules.queue.size) : nullptr),
      counters_(std::make_shared<PoolCounters>(kMaxThreads)),
      registry_(std::make_shared<Registry>(rules.placement)) {
  if (file) {
    table_ = std::make_unique<StickTable>(rules.table_size, rules.ttl_ms, std::move(file), &live_, now);
    registry_->adopt(*table_->file());
  } else if (rules.table_size > 0) {
    table_ = std::make_unique<StickTable>(rules.table_size, rules.ttl_ms, rules.table_secret, &live_);
  }
  if (const KeyLimits& limits = rules.limits; limits.per_second > 0) {
    rates_ = std::make_unique<KeyRates>(limits.per_second, limits.burst, kRateLines);
  }
  std::vector<Backend*> released;
  roster_.store(registry_->make_roster(nullptr, released).release(), std::memory_order_release);
}

Pool::~Pool() { delete roster_.load(std::memory_order_acquire); }

int64_t Pool::set_backend(const std::string& name, const BackendSettings& settings) {
  return registry_->set(name, settings, table());
}

bool Pool::remove_backend(const std::string& name) { return registry_->remove(name, table()); }

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

}  // namespace limpet
