// eventfds: one that tells threads to end, one that says that they have.
#pragma once

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cstdint>

#include "../arguments.h"

namespace limpet::bench {

class Event {
 public:
  Event() : fd_(eventfd(0, EFD_CLOEXEC)) {
    if (fd_ < 0) refuse("no eventfd is to be had", 1);
  }
  ~Event() { close(fd_); }
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;

  int fd() const { return fd_; }

  void set() {
    const uint64_t one = 1;
    if (write(fd_, &one, sizeof one) != sizeof one) refuse("an eventfd does not take a number", 1);
  }

  // Whether it is set within so many milliseconds.
  bool wait(int milliseconds) const {
    pollfd wanted{fd_, POLLIN, 0};
    return poll(&wanted, 1, milliseconds) > 0;
  }

 private:
  int fd_;
};

}  // namespace limpet::bench
