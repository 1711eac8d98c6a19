// The floor of the relay benchmark: the least that a user-space TCP balancer must do, and nothing besides. No timers,
// counters, limits, health or affinity: the next connection goes to the next backend. What Limpet costs above it is
// what Limpet's features cost.
//   limpet-bench-floor --listen 127.0.0.1:0 --backends 127.0.0.1:7001,127.0.0.1:7002 [--threads 1]
// Prints `{"port":N}` when it listens; ends with its standard input, so that it does not outlive the benchmark.
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <thread>

#include "../arguments.h"
#include "relay.h"

using namespace limpet::bench;

namespace {

// Accepted sockets inherit TCP_NODELAY.
int listen_on(const sockaddr_in& address) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  const int on = 1;
  if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
      setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) != 0 ||
      bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 || listen(fd, 4096) != 0) {
    refuse(std::string("cannot listen: ") + std::strerror(errno), 1);
  }
  return fd;
}

unsigned port_of(int fd) {
  sockaddr_in address{};
  socklen_t length = sizeof address;
  if (getsockname(fd, reinterpret_cast<sockaddr*>(&address), &length) != 0) refuse("getsockname failed", 1);
  return ntohs(address.sin_port);
}

}  // namespace

int main(int argc, char** argv) {
  const Arguments arguments(argc, argv, 1, {"listen", "backends", "threads"});
  const auto listen_addresses = arguments.addresses("listen");
  const auto backends = arguments.addresses("backends");
  const uint64_t threads = arguments.number("threads", 1, 1, 256);
  if (listen_addresses.size() != 1 || backends.empty()) refuse("--listen and --backends are wanted");
  std::signal(SIGPIPE, SIG_IGN);
  const int listener = listen_on(listen_addresses[0]);
  for (uint64_t i = 0; i < threads; i++) {
    std::thread([listener, &backends] { FloorRelay(listener, backends).run(); }).detach();
  }
  std::printf("{\"port\":%u}\n", port_of(listener));
  std::fflush(stdout);
  char byte;
  while (read(STDIN_FILENO, &byte, 1) > 0) continue;
  // Threads still run: no destructor may end what they use.
  _exit(0);
}
