#include "connector.h"

#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

namespace limpet {

namespace {

// More than any receive buffer holds.
constexpr size_t kDiscardBytes = 1U << 30;

bool set_option(int fd, int level, int name, int value) {
  return setsockopt(fd, level, name, &value, sizeof value) == 0;
}

}  // namespace

bool set_no_delay(int fd) { return set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1); }

bool set_keepalive(int fd, const Keepalive& keepalive) {
  bool ok = true;
  if (keepalive.idle_s > 0) {
    ok = set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1) && ok;
    ok = set_option(fd, IPPROTO_TCP, TCP_KEEPIDLE, keepalive.idle_s) && ok;
    ok = set_option(fd, IPPROTO_TCP, TCP_KEEPINTVL, keepalive.interval_s) && ok;
    ok = set_option(fd, IPPROTO_TCP, TCP_KEEPCNT, keepalive.count) && ok;
  }
  if (keepalive.user_timeout_ms > 0) {
    ok = set_option(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, static_cast<int>(keepalive.user_timeout_ms)) && ok;
  }
  return ok;
}

bool change_keepalive(int fd, const Keepalive& keepalive) {
  const bool cleared = set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 0) && set_option(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, 0);
  return set_keepalive(fd, keepalive) && cleared;
}

int set_socket_options(int fd, const Keepalive& keepalive) {
  return set_no_delay(fd) && set_keepalive(fd, keepalive) ? 0 : errno;
}

ConnectBegun begin_connect(const SocketAddress& address) {
  const int fd = socket(address.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  return fd < 0 ? ConnectBegun{-1, errno} : finish_connect(fd, address);
}

ConnectBegun finish_connect(int fd, const SocketAddress& address) {
  if (connect(fd, address.get(), address.length) == 0 || errno == EINPROGRESS) return {fd, 0};
  const int error = errno;
  close(fd);
  return {-1, error};
}

int socket_error(int fd) {
  int error = 0;
  socklen_t length = sizeof error;
  return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length) == 0 ? error : errno;
}

SessionCounter connect_counter(int error) {
  switch (error) {
    case ECONNREFUSED:
    case ENOENT:  // a unix socket that is not there
      return SessionCounter::kConnectRefused;
    case ENETUNREACH:
    case EHOSTUNREACH:
    case ENETDOWN:
    case EHOSTDOWN:
      return SessionCounter::kConnectUnreachable;
    case ETIMEDOUT:
      return SessionCounter::kConnectTimeout;
    case EADDRNOTAVAIL:
    case EADDRINUSE:  // bind() with a port
      return SessionCounter::kConnectNoLocalPort;
    case ELOOP:  // is_self_connected()
      return SessionCounter::kConnectSelf;
    default:
      return SessionCounter::kConnectOther;
  }
}

bool is_local_failure(int error) {
  switch (error) {
    case EADDRNOTAVAIL:
    case EADDRINUSE:
    case EINVAL:  // the source leads nowhere: from 127.0.0.1 to another host, from an address of a link without its
                  // name
    case EPERM:   // IP_TRANSPARENT without the privilege; a rule of this host against the connection
    case EMFILE:
    case ENFILE:
    case ENOBUFS:
    case ENOMEM:
    case ENOSPC:  // epoll_ctl: fs.epoll.max_user_watches
      return true;
    default:
      return false;
  }
}

bool discard_unread(int fd) {
  for (;;) {
    // TCP forgets all that is there without copying it anywhere (tcp(7), MSG_TRUNC).
    const ssize_t count = recv(fd, nullptr, kDiscardBytes, MSG_TRUNC | MSG_DONTWAIT);
    if (count <= 0) return count < 0 && (errno == EAGAIN || errno == EINTR);
  }
}

unsigned unacknowledged(int fd) {
  int bytes = 0;
  return ioctl(fd, SIOCOUTQ, &bytes) == 0 && bytes > 0 ? static_cast<unsigned>(bytes) : 0;
}

void close_with_reset(int fd) {
  const linger hard{1, 0};
  setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
  close(fd);
}

}  // namespace limpet
