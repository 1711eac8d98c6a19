// What must hold of a pool, by plain counts: sessions by backend and by client, where a client has been, and its pin
// before its sessions began.
#pragma once

#include <array>
#include <set>

#include "input.h"
#include "support/verdict.h"

namespace limpet::fuzz {

using test::kTtlMs;
using test::TestPool;
using Found = std::optional<StickTable::Found>;

inline constexpr unsigned kClients = 6;
inline constexpr unsigned kNobody = kClients;  // clients without a key
// A table of this size holds all clients: nothing is evicted.
inline constexpr size_t kAmple = 200;

struct Session {
  Seat seat;
  unsigned client;
};

class PoolModel {
 public:
  explicit PoolModel(TestPool& pool) : pool_(pool) {}

  // Another backend got the index of this identity.
  void added(int64_t identity) { serials_[static_cast<uint16_t>(identity & 0xffff)] = ++last_serial_; }
  Found found(unsigned client) const { return table() && client != kNobody ? pool_.found(client) : std::nullopt; }

  // The session has a seat; `before`: the client's pin until then.
  void began(const Session& session, const Found& before) {
    sessions_++;
    took(session);
    if (session.client == kNobody) return;
    Client& client = clients_[session.client];
    if (client.seats++ == 0) {
      client.confirmed = false;
      client.before = before;
      client.since_ms = pool_.now_ms;
    }
  }
  void took(const Session& session) {
    loads_[serial(session.seat.backend)]++;
    if (session.client == kNobody) return;
    clients_[session.client].places.insert(serial(session.seat.backend));
    if (session.seat.leave_pin || !table()) return;
    const RosterEntry* const entry = pin_entry(session.client);
    EXPECT(entry && entry->backend == session.seat.backend);
  }
  void left(const Session& session) { loads_[serial(session.seat.backend)]--; }

  void confirmed(const Session& session) {
    if (!table() || session.client == kNobody) return;
    clients_[session.client].confirmed = true;
    if (session.seat.leave_pin) return;
    const Found pin = found(session.client);
    EXPECT(pin.has_value());
    const AffinityKey key = test::client(session.client);
    EXPECT(pin->pin.backend == session.seat.backend->index
               ? !pin->pin.provisional
               : pool_.pool.live_keys().established_on(key, table()->hash(key), pin->pin.backend));
  }

  // After release().
  void ended(unsigned number) {
    sessions_--;
    if (number == kNobody) return;
    Client& client = clients_[number];
    if (--client.seats == 0 && !client.confirmed) check_as_before(client, found(number));
  }

  void check() const {
    EXPECT_EQUAL(pool_.pool.seats(), sessions_);
    pool_.pool.registry().each([this](const Backend& backend) {
      const auto load = loads_.find(serial(&backend));
      EXPECT_EQUAL(backend.sessions(), load == loads_.end() ? 0 : load->second);
    });
    if (!table()) return;
    EXPECT(table()->entries() <= table()->size());
    for (unsigned i = 0; i < kClients; i++) check_client(i);
  }

 private:
  struct Client {
    unsigned seats = 0;
    bool confirmed = false;  // since its first seat
    Found before;            // its pin before its first seat
    uint64_t since_ms = 0;
    std::set<uint64_t> places;  // backends that it ever had a seat on
  };

  StickTable* table() const { return pool_.pool.table(); }
  // Of this backend alone, whatever the pool makes of its index and generation.
  uint64_t serial(const Backend* backend) const { return serials_.at(backend->index); }
  // Null: of no backend that there is.
  const RosterEntry* pin_entry(unsigned client) const {
    const Found pin = found(client);
    return pin ? pool_.pool.roster().find(pin->pin.backend, pin->pin.generation) : nullptr;
  }

  // None of the sessions of the key got through: its pin is what it was, unless its time or its backend has gone.
  void check_as_before(const Client& client, const Found& after) const {
    if (!table() || table()->size() < kAmple) return;
    if (!client.before) {
      EXPECT(!after.has_value());
      return;
    }
    const Pin& pin = client.before->pin;
    const auto passed = static_cast<int64_t>(pool_.now_ms - client.since_ms + kTtlMs / 100);
    if (client.before->expires_in_ms <= passed || !pool_.pool.roster().find(pin.backend, pin.generation)) return;
    EXPECT(after && after->pin.same_backend(pin) && after->pin.away == pin.away);
  }

  void check_client(unsigned number) const {
    const Client& client = clients_[number];
    const AffinityKey key = test::client(number);
    EXPECT_EQUAL(pool_.pool.live_keys().count(key, table()->hash(key)), client.seats);
    const Found pin = found(number);
    EXPECT(!pin || !pin->pin.provisional || client.seats > 0);
    const RosterEntry* const entry = pin_entry(number);
    EXPECT(!entry || client.places.contains(serial(entry->backend)));
  }

  TestPool& pool_;
  uint64_t sessions_ = 0;
  std::array<Client, kClients> clients_{};
  std::map<uint64_t, uint32_t> loads_;
  std::map<uint16_t, uint64_t> serials_;  // by registry index
  uint64_t last_serial_ = 0;
};

}  // namespace limpet::fuzz
