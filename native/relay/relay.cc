#include "relay.h"

#include <fcntl.h>
#include <unistd.h>

#include "fd_budget.h"
#include "socket_address.h"

namespace limpet {

Relay::Relay(std::shared_ptr<EpochDomain> domain, unsigned threads)
    : domain_(std::move(domain)), counters_(std::make_shared<SessionCounters>(threads + 1)) {
  for (unsigned i = 0; i < threads; i++) workers_.push_back(std::make_unique<Worker>(domain_, *counters_, i + 1));
}

int Relay::start() {
  FdBudget::process().init();
  for (auto& worker : workers_) {
    if (const int error = worker->start(); error != 0) {
      stop();
      return error;
    }
  }
  return 0;
}

uint32_t Relay::add_pool(std::shared_ptr<Pool> pool, const SessionTimeouts& timeouts, const Keepalive& keepalive,
                         unsigned retries) {
  const auto id = static_cast<uint32_t>(pools_.size());
  pools_.push_back(std::make_unique<RelayPool>(RelayPool{std::move(pool), timeouts, keepalive, retries, id}));
  return id;
}

int Relay::add_listener(uint32_t pool, uint32_t max_sessions, bool inherits_options) {
  if (pool >= pools_.size()) return -1;
  const auto id = static_cast<uint32_t>(listeners_.size());
  listeners_.push_back(std::make_unique<RelayListener>());
  RelayListener& listener = *listeners_.back();
  listener.pool = pools_[pool].get();
  listener.id = id;
  listener.max_sessions = max_sessions;
  listener.inherits_options = inherits_options;
  return static_cast<int>(id);
}

int Relay::refuse(SessionCounter cause, HandOver status) {
  counters_->add(0, static_cast<unsigned>(cause));
  return static_cast<int>(status);
}

Worker& Relay::least_loaded() {
  // From a moving start, so that equals take turns.
  const size_t start = next_worker_++;
  Worker* best = nullptr;
  for (size_t i = 0; i < workers_.size(); i++) {
    Worker* const worker = workers_[(start + i) % workers_.size()].get();
    if (!best || worker->sessions() < best->sessions()) best = worker;
  }
  return *best;
}

int Relay::hand_over(uint32_t listener_id, int fd, const uint8_t* head, size_t head_size, bool record) {
  if (listener_id >= listeners_.size()) return -1;
  if (stopped_) return static_cast<int>(HandOver::kStopped);
  RelayListener& listener = *listeners_[listener_id];
  counters_->add(0, static_cast<unsigned>(SessionCounter::kAccepted));
  if (listener.max_sessions != 0 && listener.sessions.load(std::memory_order_relaxed) >= listener.max_sessions) {
    return refuse(SessionCounter::kRefusedMaxSessions, HandOver::kMaxSessions);
  }
  NewClient client{-1, &listener, peer_of(fd), {}, record};
  if (client.address.family == ClientAddress::Family::kNone) {
    return refuse(SessionCounter::kRefusedNoAddress, HandOver::kNoAddress);
  }
  if (!FdBudget::process().take(2)) return refuse(SessionCounter::kRefusedFdBudget, HandOver::kFdBudget);
  client.fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
  if (head_size > 0 && client.fd >= 0) {
    client.head.data = static_cast<uint8_t*>(std::malloc(head_size));
    if (client.head.data) std::memcpy(client.head.data, head, head_size);
    client.head.end = static_cast<uint32_t>(head_size);
  }
  if (client.fd < 0 || (head_size > 0 && !client.head.data)) {
    if (client.fd >= 0) close(client.fd);
    FdBudget::process().give(2);
    return refuse(SessionCounter::kRefusedFdBudget, HandOver::kFdBudget);
  }
  listener.sessions.fetch_add(1, std::memory_order_acq_rel);
  least_loaded().submit(client);
  return static_cast<int>(HandOver::kTaken);
}

uint32_t Relay::sessions() const {
  uint32_t total = 0;
  for (const auto& worker : workers_) total += worker->sessions();
  return total;
}

int64_t Relay::sessions_of(uint32_t listener) const {
  if (listener >= listeners_.size()) return -1;
  return listeners_[listener]->sessions.load(std::memory_order_relaxed);
}

void Relay::cut() {
  for (auto& worker : workers_) worker->cut();
}

size_t Relay::drain_records(uint8_t* into, size_t most) {
  size_t count = 0;
  for (auto& worker : workers_) count += worker->records().drain(into + count * sizeof(SessionRecord), most - count);
  return count;
}

void Relay::stop() {
  stopped_ = true;
  for (auto& worker : workers_) worker->stop();
  for (auto& pool : pools_) pool->pool = nullptr;  // no session is left that could ask for it
}

}  // namespace limpet
