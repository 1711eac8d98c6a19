// Connections that come from an address that the configuration names, or from the client's own.
#include <cerrno>

#include "source_socket.h"
#include "worker.h"

namespace limpet {

namespace {

// No client of another family can be seen by the backend as what it is: it comes from an address of this host.
bool has_family(const ClientAddress& client, sa_family_t family) {
  return family == (client.family == ClientAddress::Family::kIpv6 ? AF_INET6 : AF_INET) &&
         (client.family == ClientAddress::Family::kIpv6 || client.family == ClientAddress::Family::kIpv4);
}

}  // namespace

ConnectBegun Worker::connect_from(const Session& session, const SocketAddress& address) {
  const Outgoing& outgoing = session.relay_pool().outgoing;
  if (outgoing.transparent != Transparent::kOff && has_family(session.client, address.family())) {
    const uint16_t port = outgoing.transparent == Transparent::kPort ? session.client.port : uint16_t{0};
    return begin_connect_from(socket_address(session.client, port), true, address);
  }
  const SourceAddresses& sources = outgoing.sources(address.family());
  if (sources.empty() || address.family() == AF_UNIX) return begin_connect(address);
  ConnectBegun begun{-1, EADDRNOTAVAIL};
  // Each in its turn; where all its ports to this backend are taken, or the address is gone, the next one.
  for (size_t tries = 0; tries < sources.size() && begun.error == EADDRNOTAVAIL; tries++) {
    begun = begin_connect_from(*sources[next_source_++ % sources.size()], false, address);
  }
  return begun;
}

}  // namespace limpet
