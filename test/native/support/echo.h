// A backend that sends back what it gets, until the test is over.
#pragma once

#include <sys/epoll.h>

#include <atomic>
#include <set>
#include <thread>

#include "support/sockets.h"

namespace limpet::test {

class EchoServer {
 public:
  EchoServer() : epoll_(epoll_create1(EPOLL_CLOEXEC)) {
    add(port_.fd());
    thread_ = std::thread([this] { run(); });
  }
  ~EchoServer() {
    stopping_.store(true);
    thread_.join();
    for (const int fd : open_) ::close(fd);
    ::close(epoll_);
  }
  uint16_t number() const { return port_.number(); }
  uint64_t accepted() const { return accepted_.load(); }

 private:
  void add(int fd) const {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.fd = fd;
    epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event);
  }
  void run() {
    while (!stopping_.load()) {
      epoll_event events[64];
      const int count = epoll_wait(epoll_, events, 64, 5);
      for (int i = 0; i < count; i++) {
        if (events[i].data.fd == port_.fd()) {
          const int fd = ::accept4(port_.fd(), nullptr, nullptr, SOCK_CLOEXEC);
          add(fd);
          open_.insert(fd);
          accepted_.fetch_add(1);
        } else {
          echo(events[i].data.fd);
        }
      }
    }
  }
  // A socket that ends, or is reset, is closed, which takes it out of epoll.
  void echo(int fd) {
    char bytes[4096];
    const ssize_t n = recv(fd, bytes, sizeof bytes, 0);
    if (n > 0 && send(fd, bytes, static_cast<size_t>(n), MSG_NOSIGNAL) == n) return;
    ::close(fd);
    open_.erase(fd);
  }

  Port port_;
  const int epoll_;
  std::atomic<bool> stopping_{false};
  std::atomic<uint64_t> accepted_{0};
  std::set<int> open_;  // the thread's, then the destructor's
  std::thread thread_;
};

}  // namespace limpet::test
