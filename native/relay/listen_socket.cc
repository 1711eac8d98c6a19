#include "listen_socket.h"

#include <linux/filter.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

#include "connector.h"

namespace limpet {

namespace {

int set(int fd, int level, int name, int value) {
  return setsockopt(fd, level, name, &value, sizeof value) == 0 ? 0 : errno;
}

int prepare(int fd, const SocketAddress& address, const ListenSettings& settings, const Keepalive& keepalive) {
  if (address.family() == AF_UNIX) return 0;
  // As everybody does: a restart must not wait for the TIME_WAIT of earlier sessions.
  if (const int error = set(fd, SOL_SOCKET, SO_REUSEADDR, 1)) return error;
  if (address.family() == AF_INET6) {
    if (const int error = set(fd, IPPROTO_IPV6, IPV6_V6ONLY, settings.v6_only ? 1 : 0)) return error;
  }
  return set_listen_options(fd, settings, keepalive);
}

// Drops segments whose only flag of SYN and ACK is SYN. A filter of a TCP socket sees the packet from the TCP header
// on.
int drop_new_connections(int fd) {
  constexpr uint32_t kFlags = 13;  // offset in the header
  constexpr uint32_t kSyn = 0x02;
  constexpr uint32_t kSynAck = 0x12;
  sock_filter code[] = {
      BPF_STMT(BPF_LD | BPF_B | BPF_ABS, kFlags),      BPF_STMT(BPF_ALU | BPF_AND | BPF_K, kSynAck),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, kSyn, 0, 1), BPF_STMT(BPF_RET | BPF_K, 0),
      BPF_STMT(BPF_RET | BPF_K, 0xffffffff),
  };
  const sock_fprog program{sizeof code / sizeof *code, code};
  return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) == 0 ? 0 : errno;
}

}  // namespace

int set_listen_options(int fd, const ListenSettings& settings, const Keepalive& keepalive) {
  if (const int error = set_socket_options(fd, keepalive)) return error;
  if (settings.defer_accept_s > 0) {
    if (const int error = set(fd, IPPROTO_TCP, TCP_DEFER_ACCEPT, settings.defer_accept_s)) return error;
  }
  return settings.fast_open > 0 ? set(fd, IPPROTO_TCP, TCP_FASTOPEN, settings.fast_open) : 0;
}

int open_listen_socket(const SocketAddress& address, const ListenSettings& settings, const Keepalive& keepalive) {
  const int fd = socket(address.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return -errno;
  int error = prepare(fd, address, settings, keepalive);
  if (error == 0 && bind(fd, address.get(), address.length) != 0) error = errno;
  if (error == 0 && listen(fd, settings.backlog) != 0) error = errno;
  if (error == 0) return fd;
  close(fd);
  return -error;
}

int stop_queueing(int fd) {
  int domain = 0;
  socklen_t length = sizeof domain;
  if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &length) != 0) return errno;
  if (domain != AF_UNIX) return drop_new_connections(fd);
  return shutdown(fd, SHUT_RDWR) == 0 ? 0 : errno;
}

}  // namespace limpet
