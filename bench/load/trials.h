// The trials, each a closed loop: whoever has got its answer begins anew.
#pragma once

#include <deque>
#include <memory>
#include <vector>

#include "client.h"
#include "pattern.h"
#include "stream.h"

namespace limpet::bench {

// Connects, sends 64 B, gets 64 B, closes first, and begins anew: so many at once.
class ConnectionClient final : public Client {
 public:
  ConnectionClient(Trial& trial, size_t at_once);

 protected:
  void begin() override;
  void handle(Session& session, uint32_t events) override;

 private:
  void start(Session& session);
};

// 64 B each way on open sessions. `in_flight` of them wait for an answer at any time; all take turns.
class RoundTripClient final : public Client {
 public:
  RoundTripClient(Trial& trial, size_t sessions, size_t in_flight);

 protected:
  void begin() override;
  void handle(Session& session, uint32_t events) override;

 private:
  void send_next();

  size_t in_flight_;
  std::deque<Session*> resting_;
};

// Streams down, up or both ways, as fast as they go.
class BulkClient final : public Client {
 public:
  BulkClient(Trial& trial, size_t sessions, bool down, bool up);

 protected:
  void begin() override;
  void handle(Session& session, uint32_t events) override;

 private:
  bool down_;
  bool up_;
  Pattern pattern_;
  std::vector<Stream> streams_;  // of the session with the same place; its request's seed is that place
};

}  // namespace limpet::bench
