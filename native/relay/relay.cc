#include "relay.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "fd_budget.h"
#include "head_choice.h"
#include "socket_address.h"

namespace limpet {

Relay::Relay(std::shared_ptr<EpochDomain> domain, unsigned threads)
    : domain_(std::move(domain)), counters_(std::make_shared<SessionCounters>(threads + 1)) {
  for (unsigned i = 0; i < threads; i++) workers_.push_back(std::make_unique<Worker>(domain_, *counters_, i + 1));
}

int Relay::start() {
  FdBudget::process().init();
  for (auto& worker : workers_) {
    if (const int error = worker->start(workers_); error != 0) {
      stop();
      return error;
    }
  }
  return 0;
}

uint32_t Relay::add_pool(std::shared_ptr<Pool> pool, const SessionTimeouts& timeouts, const Keepalive& keepalive,
                         unsigned retries, HeadRules head) {
  const auto id = static_cast<uint32_t>(pools_.size());
  const bool learns = learns_from_answers(head.recipes);
  pools_.push_back(std::make_unique<RelayPool>(
      RelayPool{std::move(pool), timeouts, keepalive, retries, id, std::move(head), learns, {}}));
  return id;
}

int Relay::add_listener(uint32_t pool, uint32_t max_sessions, bool has_options,
                        std::shared_ptr<const AddressFilter> filter, uint32_t predecessor, const PeekLimits& peek,
                        const ProxyRules& proxy) {
  if (pool >= pools_.size()) return -1;
  const RelayListener* const before = find(predecessor);
  const auto id = static_cast<uint32_t>(listeners_.size());
  listeners_.push_back(std::make_unique<RelayListener>());
  RelayListener& listener = *listeners_.back();
  listener.pool = pools_[pool].get();
  listener.id = id;
  listener.max_sessions = max_sessions;
  listener.has_options = has_options;
  listener.filter = std::move(filter);
  listener.peek = peek;
  listener.proxy = proxy;
  if (before) {
    listener.predecessors.push_back(before);
    // Nobody comes to these any more, so that one without sessions stays without.
    for (const RelayListener* earlier : before->predecessors) {
      if (earlier->sessions.load(std::memory_order_acquire) > 0) listener.predecessors.push_back(earlier);
    }
  }
  return static_cast<int>(id);
}

bool Relay::set_routes(uint32_t id, std::shared_ptr<const RouteRules> rules, std::span<const uint32_t> pools) {
  RelayListener* const listener = find(id);
  auto routes = std::make_unique<RelayRoutes>(RelayRoutes{std::move(rules), {}});
  for (const uint32_t pool : pools) {
    if (pool >= pools_.size()) return false;
    routes->pools.push_back(pools_[pool].get());
  }
  const auto has_pool = [&](const RouteRule& rule) { return rule.place < pools.size(); };
  const auto& all = routes->rules->rules();
  if (!listener || !std::all_of(all.begin(), all.end(), has_pool)) return false;
  listener->routes = std::move(routes);
  return true;
}

bool Relay::let_go(uint32_t id) {
  if (id >= pools_.size()) return true;
  RelayPool* const pool = pools_[id].get();
  for (const auto& listener : listeners_) {
    if (!leads_to(*listener, *pool)) continue;
    // A worker lowers the count when it is through with a session; what it has done with the pool is seen here then.
    if (listener->fd >= 0 || listener->sessions.load(std::memory_order_acquire) > 0) return false;
  }
  pool->pool = nullptr;
  return true;
}

void Relay::set_outgoing(uint32_t pool, Outgoing outgoing) {
  if (pool < pools_.size()) pools_[pool]->outgoing = std::move(outgoing);
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

int Relay::listen(uint32_t id, const SocketAddress& address, const ListenSettings& settings) {
  RelayListener* const listener = find(id);
  if (!listener || listener->fd >= 0 || stopped_) return -EINVAL;
  const int fd = open_listen_socket(address, settings, listener->pool->keepalive);
  if (fd < 0) return fd;
  listener->fd = fd;
  FdBudget::process().keep(1);
  return 0;
}

int Relay::adopt(uint32_t id, int fd) {
  RelayListener* const listener = find(id);
  if (!listener || listener->fd >= 0 || stopped_ || fd < 0) return -EINVAL;
  listener->fd = fd;
  FdBudget::process().keep(1);
  return 0;
}

int Relay::share(uint32_t id, uint32_t from) {
  const RelayListener* const other = find(from);
  if (!other || other->fd < 0) return -EINVAL;
  const int fd = fcntl(other->fd, F_DUPFD_CLOEXEC, 3);
  if (fd < 0) return -errno;
  const int status = adopt(id, fd);
  if (status != 0) close(fd);
  return status;
}

int Relay::socket_of(uint32_t id) const {
  const RelayListener* const listener = find(id);
  return listener ? listener->fd : -1;
}

SocketAddress Relay::address_of(uint32_t id) const {
  const RelayListener* const listener = find(id);
  return listener && listener->fd >= 0 ? local_address(listener->fd) : SocketAddress{};
}

void Relay::accept(uint32_t id) {
  RelayListener* const listener = find(id);
  if (!listener || listener->fd < 0) return;
  for (auto& worker : workers_) {
    listener->watchers.fetch_add(1, std::memory_order_acq_rel);
    worker->watch(*listener);
  }
}

bool Relay::unlisten(uint32_t id, Unlisten how) {
  RelayListener* const listener = find(id);
  if (!listener || listener->fd < 0) return true;
  if (!listener->closing) {
    listener->closing = true;
    // The filter and the shutdown belong to the socket: they would hold for another process, too.
    const bool still_fills = how == Unlisten::kServe && stop_queueing(listener->fd) != 0;
    if (still_fills) how = Unlisten::kReset;  // otherwise its queue might never be empty
    for (auto& worker : workers_) worker->unwatch(*listener);
  }
  // A worker that still has it in its epoll may be about to accept: the number of a descriptor must not change hands.
  if (listener->watchers.load(std::memory_order_acquire) > 0) return false;
  if (how == Unlisten::kServe && !drain_queue(*listener)) return false;
  close_listen_socket(*listener);
  return true;
}

// True: the queue was empty this time and the time before. A handshake whose last packet is on its way becomes a client
// in between.
bool Relay::drain_queue(RelayListener& listener) {
  bool found = false;
  for (;;) {
    NewClient client;
    switch (accept_client(listener, {*counters_, 0}, client)) {
      case Accepted::kClient:
        least_loaded().submit(client);
        [[fallthrough]];
      case Accepted::kRefused:
        found = true;
        continue;
      case Accepted::kFull:
        return false;
      case Accepted::kNone:
        listener.empty_passes = found ? 0 : listener.empty_passes + 1;
        return listener.empty_passes >= 2;
    }
  }
}

void Relay::close_listen_socket(RelayListener& listener) {
  if (listener.fd < 0) return;
  close(listener.fd);
  listener.fd = -1;
  FdBudget::process().let_go(1);
}

void Relay::set_record(uint32_t id, bool record) {
  if (RelayListener* const listener = find(id)) listener->record.store(record, std::memory_order_relaxed);
}

void Relay::set_others(uint32_t id, uint32_t sessions) {
  if (RelayListener* const listener = find(id)) listener->others.store(sessions);
}

RelayListener* Relay::find(uint32_t id) const { return id < listeners_.size() ? listeners_[id].get() : nullptr; }

int Relay::hand_over(uint32_t listener_id, int fd, const uint8_t* head, size_t head_size, bool record) {
  RelayListener* const found = find(listener_id);
  if (!found) return -1;
  if (stopped_) return static_cast<int>(HandOver::kStopped);
  RelayListener& listener = *found;
  counters_->add(0, static_cast<unsigned>(SessionCounter::kAccepted));
  // Asked here only where somebody wants to know: it is a system call.
  if (listener.filter || listener.proxy.trust) {
    if (const auto refusal = refusal_of_peer(listener, peer_of(fd))) return refuse(*refusal, HandOver::kDenied);
  }
  if (!take_place(listener)) return refuse(SessionCounter::kRefusedMaxSessions, HandOver::kMaxSessions);
  const auto give_back = [&](SessionCounter cause, HandOver status) {
    listener.sessions.fetch_sub(1, std::memory_order_acq_rel);
    return refuse(cause, status);
  };
  NewClient client{-1, &listener, peer_of(fd), {}, record, listener.has_options};
  if (client.address.family == ClientAddress::Family::kNone) {
    return give_back(SessionCounter::kRefusedNoAddress, HandOver::kNoAddress);
  }
  if (!FdBudget::process().take(FdBudget::kSession)) {
    return give_back(SessionCounter::kRefusedFdBudget, HandOver::kFdBudget);
  }
  if (!copy_client(fd, {head, head_size}, client)) {
    FdBudget::process().give(FdBudget::kSession);
    return give_back(SessionCounter::kRefusedFdBudget, HandOver::kFdBudget);
  }
  least_loaded().submit(client);
  return static_cast<int>(HandOver::kTaken);
}

uint32_t Relay::sessions() const {
  uint32_t total = 0;
  for (const auto& worker : workers_) total += worker->sessions();
  return total;
}

int64_t Relay::sessions_of(uint32_t listener) const {
  const RelayListener* const found = find(listener);
  if (!found) return -1;
  return found->sessions.load() + sessions_before(*found);
}

void Relay::cut() {
  for (auto& worker : workers_) worker->cut();
}

bool Relay::survey(unsigned thread, std::unique_ptr<Survey> survey) {
  if (stopped_ || survey_ || thread >= workers_.size()) return false;
  survey_ = std::move(survey);
  survey_->found.reserve(survey_->most);
  workers_[thread]->look_at_sessions(*survey_);
  return true;
}

std::unique_ptr<Survey> Relay::surveyed() {
  if (!survey_) return nullptr;
  // No thread is left that would finish it.
  if (stopped_) survey_->done = true;
  return survey_->done.load(std::memory_order_acquire) ? std::move(survey_) : nullptr;
}

void Relay::close_session(unsigned thread, uint32_t place, uint64_t id) {
  if (!stopped_ && thread < workers_.size()) workers_[thread]->ask_to_close(place, id);
}

size_t Relay::drain_records(uint8_t* into, size_t most) {
  size_t count = 0;
  for (auto& worker : workers_) count += worker->records().drain(into + count * sizeof(SessionRecord), most - count);
  return count;
}

void Relay::stop() {
  stopped_ = true;
  for (auto& worker : workers_) worker->ask_to_stop();
  for (auto& worker : workers_) worker->join();
  for (auto& worker : workers_) worker->close_all();
  for (auto& listener : listeners_) close_listen_socket(*listener);
  for (auto& pool : pools_) pool->pool = nullptr;  // no session is left that could ask for it
}

}  // namespace limpet
