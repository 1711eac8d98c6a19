// Accepting clients: what becomes of one that waits in the queue of a listen socket.
#pragma once

#include <optional>

#include "counters.h"
#include "session.h"

namespace limpet {

// A client on its way to a worker.
struct NewClient {
  int fd;
  RelayListener* listener;
  ClientAddress address;
  Backlog head;      // bytes read before; owned
  bool record;       // write session records
  bool has_options;  // TCP_NODELAY and keepalive, from the listen socket
  // Somebody else has looked at its head, for so long: this is its key, which may be none. Nothing: that is to be done.
  std::optional<AffinityKey> key = std::nullopt;
  uint64_t waited_ms = 0;
  uint64_t look_ms = 0;                       // with a key: how long its head may be looked at still
  std::optional<Named> named = std::nullopt;  // the backend that its head names
  ProxiedClient* proxied = nullptr;           // by a PROXY header that was read before; owned
};

enum class Accepted : uint8_t {
  kClient,   // it is in `client`, with its seat at the listener and its descriptors in the budget
  kRefused,  // there was one; it is closed and counted
  kNone,     // nobody waits
  kFull,     // no descriptors, or no memory: stop for a while, whoever waits can wait on
};

// Takes one client from the queue of the listener's socket. Any thread, with its row of the counters.
Accepted accept_client(RelayListener& listener, const SessionCounterRow& counters, NewClient& client);

// The listener does not take clients from there. One that is gone has no address; somebody else refuses it. A client
// behind a proxy is judged when its header has told its address.
inline bool is_denied(const RelayListener& listener, const ClientAddress& address) {
  return listener.filter && address.family != ClientAddress::Family::kNone && !listener.filter->permits(address);
}

// Why somebody who connects from there is closed at once.
inline std::optional<SessionCounter> refusal_of_peer(const RelayListener& listener, const ClientAddress& peer) {
  if (!listener.proxy.trust) {
    return is_denied(listener, peer) ? std::optional(SessionCounter::kRefusedDenied) : std::nullopt;
  }
  const bool trusted = peer.family == ClientAddress::Family::kNone || listener.proxy.trust->permits(peer);
  return trusted ? std::nullopt : std::optional(SessionCounter::kRefusedProxyUntrusted);
}

// A seat at the listener. False: it is at its `max_sessions`.
bool take_place(RelayListener& listener);

}  // namespace limpet
