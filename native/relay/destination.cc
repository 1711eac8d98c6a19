#include "destination.h"

#include <netinet/in.h>

#include <cstring>

#include "socket_address.h"

namespace limpet {

namespace {

// SO_ORIGINAL_DST and IP6T_SO_ORIGINAL_DST; the headers that name them do not go together with netinet/in.h.
constexpr int kOriginalDestination = 80;

bool is_mapped_ipv4(const SocketAddress& address) {
  if (address.family() != AF_INET6) return false;
  return IN6_IS_ADDR_V4MAPPED(&reinterpret_cast<const sockaddr_in6*>(&address.storage)->sin6_addr);
}

}  // namespace

uint16_t destination_port(int fd) {
  const SocketAddress local = local_address(fd);
  if (local.family() != AF_INET && local.family() != AF_INET6) return 0;
  const bool is_ipv4 = local.family() == AF_INET || is_mapped_ipv4(local);
  SocketAddress original;
  original.length = is_ipv4 ? sizeof(sockaddr_in) : sizeof(sockaddr_in6);
  const int level = is_ipv4 ? IPPROTO_IP : IPPROTO_IPV6;
  // Fails where the kernel does not follow connections, or not this one: then nobody has changed the address.
  const bool is_known = getsockopt(fd, level, kOriginalDestination, &original.storage, &original.length) == 0;
  return port_of(is_known ? original : local);
}

}  // namespace limpet
