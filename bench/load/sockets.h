// Sockets of both sides. Addresses are IPv4: what is measured lies above.
#pragma once

#include <netinet/in.h>
#include <sys/epoll.h>

#include <atomic>
#include <cstdint>
#include <vector>

namespace limpet::bench {

// A listening socket on 127.0.0.1 that does not block; `port` 0: a free one. -1: errno says why not.
int listen_on_loopback(uint16_t port, bool reuse_port);
uint16_t port_of(int fd);

bool watch(int epoll, int fd, uint32_t events, void* tag);

// Where clients connect to, and from which addresses.
class Route {
 public:
  // `sources`: so many addresses of 127.0.0.0/8 take turns. They are what a balancer sees as its clients, and each has
  // its own ports: a closed connection keeps its port for a minute (TIME_WAIT). 0: the system chooses.
  Route(std::vector<sockaddr_in> targets, uint64_t sources) : targets_(std::move(targets)), sources_(sources) {}

  // Begins to connect the next client to the next target. -1: errno says why not.
  int connect();

 private:
  std::vector<sockaddr_in> targets_;
  uint64_t sources_;
  std::atomic<uint64_t> turn_{0};
};

}  // namespace limpet::bench
