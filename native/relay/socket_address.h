// Socket addresses: where backends listen, and who a client is.
#pragma once

#include <sys/socket.h>

#include <memory>
#include <string>

#include "../core/affinity_key.h"
#include "../core/roster.h"

namespace limpet {

struct SocketAddress final : Endpoint {
  sockaddr_storage storage{};
  socklen_t length = 0;

  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
  sa_family_t family() const { return storage.ss_family; }
  bool operator==(const SocketAddress& other) const;
};

// `host`: an IPv4 or IPv6 address, or `unix:` and a path (then `port` is ignored). Null: neither.
std::shared_ptr<const SocketAddress> make_endpoint(const std::string& host, uint16_t port);

// The address of a client; unix: only that it is one.
ClientAddress client_address(const SocketAddress& peer);
// The peer of a connected socket; family kNone if it is gone (already reset).
ClientAddress peer_of(int fd);
// The address of that; length 0: it is gone.
SocketAddress peer_address(int fd);
// An IP address as sockets have it.
SocketAddress socket_address(const ClientAddress& address, uint16_t port);
// Where a socket is bound; length 0: it is not.
SocketAddress local_address(int fd);
// The text of an IPv4 or IPv6 address; empty: another family.
std::string address_text(const SocketAddress& address);
// 0: another family.
uint16_t port_of(const SocketAddress& address);

// A socket can connect to itself (TCP's simultaneous open) when a dead backend's port lies in the range of local ports
// and the kernel chooses that very port. True: the port lies there, so a connected socket must be looked at.
bool may_self_connect(const SocketAddress& peer);
// `port`: the peer's.
bool is_self_connected(int fd, uint16_t port);

}  // namespace limpet
