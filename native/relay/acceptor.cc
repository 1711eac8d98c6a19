#include "acceptor.h"

#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

#include "fd_budget.h"
#include "socket_address.h"

namespace limpet {

namespace {

// accept() failed. Errors of the network that belong to the client alone are passed on by accept() (accept(2)); it has
// left before it was accepted.
Accepted failed(int error) {
  switch (error) {
    case EAGAIN:
    case EINVAL:  // a unix socket that stopped queueing, and whose queue is empty
      return Accepted::kNone;
    case ECONNABORTED:
    case EPROTO:
    case ENOPROTOOPT:
    case ENETDOWN:
    case ENETUNREACH:
    case ENONET:
    case EHOSTDOWN:
    case EHOSTUNREACH:
    case EOPNOTSUPP:
      return Accepted::kRefused;
    default:  // EMFILE, ENFILE, ENOBUFS, ENOMEM; whatever else it is, trying again at once would be a spin
      return Accepted::kFull;
  }
}

}  // namespace

bool take_place(RelayListener& listener) {
  // The place is taken before the others are looked at, there as here, so that both cannot take the last one.
  const uint32_t own = listener.sessions.fetch_add(1);
  if (listener.max_sessions == 0) return true;
  const uint32_t others = listener.others.load() + sessions_before(listener);
  if (own + others < listener.max_sessions) return true;
  listener.sessions.fetch_sub(1, std::memory_order_acq_rel);
  return false;
}

Accepted accept_client(RelayListener& listener, const SessionCounterRow& counters, NewClient& client) {
  if (!FdBudget::process().take(FdBudget::kSession)) return Accepted::kFull;
  SocketAddress peer;
  peer.length = sizeof peer.storage;
  int fd;
  do {
    fd = accept4(listener.fd, reinterpret_cast<sockaddr*>(&peer.storage), &peer.length, SOCK_NONBLOCK | SOCK_CLOEXEC);
  } while (fd < 0 && errno == EINTR);
  if (fd < 0) {
    const Accepted outcome = failed(errno);
    FdBudget::process().give(FdBudget::kSession);
    if (outcome == Accepted::kRefused) {
      counters.add(SessionCounter::kAccepted);
      counters.add(SessionCounter::kRefusedNoAddress);
    }
    return outcome;
  }
  counters.add(SessionCounter::kAccepted);
  const ClientAddress address = client_address(peer);
  auto refusal = refusal_of_peer(listener, address);
  if (!refusal && !take_place(listener)) refusal = SessionCounter::kRefusedMaxSessions;
  if (refusal) {
    counters.add(*refusal);
    close(fd);
    FdBudget::process().give(FdBudget::kSession);
    return Accepted::kRefused;
  }
  client = NewClient{fd, &listener, address, {}, listener.record.load(std::memory_order_relaxed), true};
  return Accepted::kClient;
}

}  // namespace limpet
