// The floor of the relay benchmark: the least that a user-space TCP balancer must do, and nothing besides. No timers,
// counters, limits, health or affinity: the next connection goes to the next backend. What Limpet costs above it is
// what Limpet's features cost.
//   limpet-bench-floor --listen 127.0.0.1:0 --backends 127.0.0.1:7001,127.0.0.1:7002 [--threads 1] [--reuseport 0]
// `--reuseport 1`: each thread has a listen socket of its own; otherwise they share one (EPOLLEXCLUSIVE).
// Prints `{"port":N}` when it listens; ends with its standard input, so that it does not outlive the benchmark, and
// with `{"accepted":[…]}`, by thread.
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "../arguments.h"
#include "relay.h"

using namespace limpet::bench;

namespace {

// Accepted sockets inherit TCP_NODELAY.
int listen_on(const sockaddr_in& address, bool reuseport) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  const int on = 1;
  if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
      setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) != 0 ||
      (reuseport && setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) != 0) ||
      bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 || listen(fd, 4096) != 0) {
    refuse(std::string("cannot listen: ") + std::strerror(errno), 1);
  }
  return fd;
}

sockaddr_in address_of(int fd) {
  sockaddr_in address{};
  socklen_t length = sizeof address;
  if (getsockname(fd, reinterpret_cast<sockaddr*>(&address), &length) != 0) refuse("getsockname failed", 1);
  return address;
}

void print_accepted(const std::vector<std::unique_ptr<FloorRelay>>& relays) {
  std::string counts;
  for (const auto& relay : relays) counts += (counts.empty() ? "" : ",") + std::to_string(relay->accepted());
  std::printf("{\"accepted\":[%s]}\n", counts.c_str());
  std::fflush(stdout);
}

}  // namespace

int main(int argc, char** argv) {
  const Arguments arguments(argc, argv, 1, {"listen", "backends", "threads", "reuseport"});
  const auto listen_addresses = arguments.addresses("listen");
  const auto backends = arguments.addresses("backends");
  const uint64_t threads = arguments.number("threads", 1, 1, 256);
  const bool reuseport = arguments.number("reuseport", 0, 0, 1) == 1;
  if (listen_addresses.size() != 1 || backends.empty()) refuse("--listen and --backends are wanted");
  std::signal(SIGPIPE, SIG_IGN);
  const int listener = listen_on(listen_addresses[0], reuseport);
  const sockaddr_in address = address_of(listener);
  std::vector<std::unique_ptr<FloorRelay>> relays;
  for (uint64_t i = 0; i < threads; i++) {
    const int own = reuseport && i > 0 ? listen_on(address, true) : listener;
    relays.push_back(std::make_unique<FloorRelay>(own, backends));
  }
  for (const auto& relay : relays) std::thread([&relay] { relay->run(); }).detach();
  std::printf("{\"port\":%u}\n", ntohs(address.sin_port));
  std::fflush(stdout);
  char byte;
  while (read(STDIN_FILENO, &byte, 1) > 0) continue;
  print_accepted(relays);
  // Threads still run: no destructor may end what they use.
  _exit(0);
}
