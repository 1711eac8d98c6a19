// A relay in this process, between sockets of the test: clients come through `front`, backends are ports of the test.
#pragma once

#include <dirent.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "relay/clock.h"
#include "relay/fd_budget.h"
#include "relay/relay.h"
#include "relay/socket_address.h"
#include "support/pools.h"
#include "support/sockets.h"
#include "support/threads.h"

namespace limpet::test {

struct RigOptions {
  unsigned workers = 2;
  SessionTimeouts timeouts{5'000, 30'000, 30'000};
  unsigned retries = 3;
  uint32_t max_sessions = 0;
  uint32_t bound_milli = 0;
  size_t table_size = 1'000;
  bool record = false;
  HeadRules head = {};
  PeekLimits peek = {};
  ProxyRules proxy = {};
  std::shared_ptr<const AddressFilter> filter = nullptr;
  QueueRules queue{};
};

class Rig {
 public:
  explicit Rig(const RigOptions& options = {})
      : domain(std::make_shared<EpochDomain>()),
        pool(std::make_shared<Pool>(
            pool_rules({.bound_milli = options.bound_milli, .table_size = options.table_size, .queue = options.queue}),
            domain)),
        relay(domain, options.workers),
        record(options.record) {
    CHECK_EQUAL(relay.start(), 0);
    pool_id = relay.add_pool(pool, options.timeouts, {60, 10, 3, 0}, options.retries, options.head);
    listener = static_cast<uint32_t>(relay.add_listener(pool_id, options.max_sessions, false, options.filter,
                                                        Relay::kNone, options.peek, options.proxy));
  }
  ~Rig() { relay.stop(); }

  void set(const std::string& name, std::shared_ptr<const Endpoint> endpoint, uint32_t max_sessions = 0) {
    CHECK(pool->set_backend(name, {std::move(endpoint), 1, max_sessions, BackendState::kReady}) >= 0);
    pool->publish();
  }
  void set(const std::string& name, uint16_t port, uint32_t max_sessions = 0) {
    set(name, make_endpoint("127.0.0.1", port), max_sessions);
  }
  // Backends by those names, which have the places of the client's order; their ports come next.
  std::vector<std::string> names_in_order(unsigned count, const char* source = "127.0.0.1") {
    for (unsigned i = 0; i < count; i++) pool->set_backend("b" + std::to_string(i), {});
    pool->publish();
    const Roster& roster = pool->roster();
    std::vector<std::string> names;
    const AffinityKey key = pool->key(*parse_address(source));
    for (const EntryIndex at : roster.order(pool->place_hash(key))) {
      names.push_back(roster.entries[at].backend->name);
    }
    return names;
  }

  // A client that has connected and was handed over; what hand_over() said is in `handed`.
  Socket client(const char* source = "127.0.0.1", std::string_view head = {}) {
    Socket socket = begin_connection(front.number(), source);
    hand_over(front.accept(), head);
    return socket;
  }
  int hand_over(const Socket& accepted, std::string_view head = {}) {
    CHECK(accepted.open());
    handed =
        relay.hand_over(listener, accepted.fd(), reinterpret_cast<const uint8_t*>(head.data()), head.size(), record);
    return handed;
  }

  // Opens a listen socket of the relay's own on a free port of the host.
  void listen(const char* host = "127.0.0.1", const ListenSettings& settings = {1024, false, 0, 0}) {
    CHECK_EQUAL(relay.listen(listener, *make_endpoint(host, 0), settings), 0);
    relay.set_record(listener, record);
  }
  uint16_t own_port() const { return port_of(relay.address_of(listener)); }
  // Closes it without losing who waits; the rig's destructor does so at once.
  bool unlisten() {
    return eventually([&] { return relay.unlisten(listener, Unlisten::kServe); });
  }
  std::vector<SessionRecord> drain(size_t most = 10'000) {
    std::vector<SessionRecord> records(most);
    records.resize(relay.drain_records(reinterpret_cast<uint8_t*>(records.data()), most));
    return records;
  }

  uint64_t count(SessionCounter counter) { return relay.counters()->sum(static_cast<unsigned>(counter)); }
  bool counts(SessionCounter counter, uint64_t wanted) {
    return eventually([&] { return count(counter) >= wanted; }) && count(counter) == wanted;
  }
  bool idle() {
    return eventually([&] { return relay.sessions() == 0; });
  }
  const Backend* backend(const std::string& name) {
    for (const RosterEntry& entry : pool->roster().entries) {
      if (entry.backend->name == name) return entry.backend;
    }
    return nullptr;
  }
  // Where the client is pinned to; `?` behind while provisional.
  std::string pin(const char* source = "127.0.0.1") {
    const AffinityKey key = pool->key(*parse_address(source));
    const auto found = pool->table()->find(key, pool->table()->hash(key), monotonic_ms());
    if (!found) return "";
    const RosterEntry* const entry = pool->roster().find(found->pin.backend, found->pin.generation);
    return (entry ? entry->backend->name : "gone") + (found->pin.provisional ? "?" : "");
  }

  // Every session has ended: sums agree and everything was given back.
  void check_balance() {
    CHECK(idle());
    uint64_t out = 0;
    for (auto at = static_cast<unsigned>(SessionCounter::kEndFinished);
         at <= static_cast<unsigned>(SessionCounter::kEndError); at++) {
      out += relay.counters()->sum(at);
    }
    CHECK_EQUAL(count(SessionCounter::kAccepted), out);
    CHECK_EQUAL(pool->seats(), uint64_t{0});
    pool->registry().each([](const Backend& one) { CHECK_EQUAL(one.sessions(), 0U); });
    CHECK_EQUAL(relay.sessions_of(listener), int64_t{0});
    CHECK_EQUAL(FdBudget::process().used(), 0U);
  }
  // The same, with one session ended by `cause` and none by another.
  void check_end(SessionCounter cause, uint64_t sessions = 1) {
    check_balance();
    CHECK_EQUAL(count(cause), sessions);
    CHECK_EQUAL(count(SessionCounter::kAccepted), sessions);
  }

  std::shared_ptr<EpochDomain> domain;
  std::shared_ptr<Pool> pool;
  Relay relay;
  Port front;
  uint32_t pool_id = 0;
  uint32_t listener = 0;
  int handed = 0;
  const bool record;
};

inline size_t open_descriptors() {
  DIR* const directory = opendir("/proc/self/fd");
  size_t count = 0;
  while (readdir(directory)) count++;
  closedir(directory);
  return count;
}

}  // namespace limpet::test
