#include "source_socket.h"

#include <netinet/in.h>
#include <unistd.h>

#include <cerrno>

namespace limpet {

namespace {

bool switch_on(int fd, int level, int name) {
  const int one = 1;
  return setsockopt(fd, level, name, &one, sizeof one) == 0;
}

bool allow_any_address(int fd, sa_family_t family) {
  return family == AF_INET6 ? switch_on(fd, SOL_IPV6, IPV6_TRANSPARENT) : switch_on(fd, SOL_IP, IP_TRANSPARENT);
}

bool bind_to(int fd, const SocketAddress& source, bool transparent) {
  if (transparent && !allow_any_address(fd, source.family())) return false;
  if (port_of(source) == 0) {
    // Without it bind() would take a port that no other connection from this address has, wherever that leads to. Of
    // IPv6 sockets, too. A kernel that does not know it has fewer connections, and no others.
    switch_on(fd, SOL_IP, IP_BIND_ADDRESS_NO_PORT);
  } else {
    // The same client may have had a connection from this port that rests in TIME_WAIT.
    switch_on(fd, SOL_SOCKET, SO_REUSEADDR);
  }
  return bind(fd, source.get(), source.length) == 0;
}

}  // namespace

ConnectBegun begin_connect_from(const SocketAddress& source, bool transparent, const SocketAddress& address) {
  const int fd = socket(address.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return {-1, errno};
  if (bind_to(fd, source, transparent)) return finish_connect(fd, address);
  const int error = errno;
  close(fd);
  return {-1, error};
}

int try_transparent() {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return errno;
  const int error = allow_any_address(fd, AF_INET) ? 0 : errno;
  close(fd);
  return error;
}

}  // namespace limpet
