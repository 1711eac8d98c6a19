#include "stream.h"

#include <sys/socket.h>

#include <cerrno>

namespace limpet::bench {

namespace {

thread_local const std::unique_ptr<uint8_t[]> buffer{new uint8_t[Pattern::kMostAtOnce]};

}  // namespace

bool Stream::receive(int fd, Pattern& pattern, Faults& faults, std::atomic<uint64_t>& bytes) {
  const ssize_t count = recv(fd, buffer.get(), Pattern::kMostAtOnce, 0);
  if (count == 0) return false;
  if (count < 0) {
    if (errno == EAGAIN || errno == EINTR) return true;
    faults.count_error(errno);
    return false;
  }
  if (!pattern.matches(seed_of(down_), received_, buffer.get(), static_cast<size_t>(count))) {
    faults.count(Fault::kCorrupt);
    return false;
  }
  received_ += static_cast<uint64_t>(count);
  bytes.fetch_add(static_cast<uint64_t>(count), std::memory_order_relaxed);
  return true;
}

bool Stream::send(int fd, const Pattern& pattern, Faults& faults, std::atomic<uint64_t>& bytes) {
  const ssize_t count = ::send(fd, pattern.at(seed_of(!down_), sent_), Pattern::kMostAtOnce, MSG_NOSIGNAL);
  if (count >= 0) {
    sent_ += static_cast<uint64_t>(count);
    bytes.fetch_add(static_cast<uint64_t>(count), std::memory_order_relaxed);
  } else if (errno != EAGAIN && errno != EINTR) {
    faults.count_error(errno);
    return false;
  }
  return true;
}

}  // namespace limpet::bench
