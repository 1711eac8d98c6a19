// Bytes through a pair of sockets, in random portions, every one of them checked.
#pragma once

#include <algorithm>
#include <cstring>
#include <vector>

#include "support/random.h"
#include "support/sockets.h"

namespace limpet::test {

// The bytes of a stream: any of them can be computed by itself.
inline char stream_byte(uint64_t stream, uint64_t at) {
  return static_cast<char>(mix64(stream * 0x10001 + at / 8) >> (at % 8 * 8));
}

inline std::string stream_bytes(uint64_t stream, uint64_t from, size_t count) {
  std::string bytes(count, '\0');
  for (size_t i = 0; i < count; i++) bytes[i] = stream_byte(stream, from + i);
  return bytes;
}

// One direction: `total` bytes from one socket to the other, then the end.
class Flow {
 public:
  Flow(Socket& from, Socket& to, uint64_t stream, uint64_t total, size_t most = 64 * 1024)
      : from_(from), to_(to), random_(stream), stream_(stream), total_(total), most_(most) {}

  // Writes and reads what can be, a portion of each; whether anything moved.
  bool step() {
    const bool wrote = write_some();
    const bool read = read_some();
    return wrote || read;
  }
  bool done() const { return ended_ || broken_; }
  bool broken() const { return broken_; }
  bool finished() const { return finished_; }
  uint64_t sent() const { return sent_; }
  uint64_t received() const { return received_; }
  void add_interest(std::vector<pollfd>& fds) const {
    if (!finished_) fds.push_back({from_.fd(), POLLOUT, 0});
    if (!ended_) fds.push_back({to_.fd(), POLLIN, 0});
  }
  // For those who only write, or only read, for a while.
  bool write_some() {
    if (finished_ || broken_) return false;
    if (sent_ == total_) {
      from_.finish();
      return finished_ = true;
    }
    const size_t count = std::min<uint64_t>(random_.between(1, most_), total_ - sent_);
    const std::string bytes = stream_bytes(stream_, sent_, count);
    const ssize_t n = send(from_.fd(), bytes.data(), count, MSG_NOSIGNAL);
    if (n < 0) return fault(errno != EAGAIN);
    sent_ += static_cast<uint64_t>(n);
    return n > 0;
  }
  bool read_some() {
    if (ended_ || broken_) return false;
    std::string bytes(random_.between(1, most_), '\0');
    const ssize_t n = recv(to_.fd(), bytes.data(), bytes.size(), 0);
    if (n < 0) return fault(errno != EAGAIN);
    if (n == 0) {
      ended_ = true;
      CHECK_EQUAL(received_, total_);
      return true;
    }
    bytes.resize(static_cast<size_t>(n));
    if (bytes != stream_bytes(stream_, received_, bytes.size())) FAIL("bytes out are not the bytes in");
    received_ += bytes.size();
    return true;
  }

 private:
  bool fault(bool real) {
    broken_ = broken_ || real;
    return false;
  }

  Socket& from_;
  Socket& to_;
  Random random_;
  const uint64_t stream_;
  const uint64_t total_;
  const size_t most_;
  uint64_t sent_ = 0;
  uint64_t received_ = 0;
  bool finished_ = false;
  bool ended_ = false;
  bool broken_ = false;
};

// Writes until every buffer on the way is full: nothing could be written for that long. False if the flow broke, or had
// an end that it reached.
inline bool fill(Flow& flow, Socket& from, int quiet_ms) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(kPatienceMs);
  while (!flow.broken() && !flow.finished() && std::chrono::steady_clock::now() < deadline) {
    if (!flow.write_some() && !wait_for(from.fd(), POLLOUT, quiet_ms)) return true;
  }
  return false;
}

// Reads until `count` bytes of the flow have arrived.
inline bool drain(Flow& flow, Socket& to, uint64_t count) {
  while (flow.received() < count) {
    if (!flow.read_some() && (flow.done() || !wait_for(to.fd(), POLLIN))) return false;
  }
  return true;
}

// Runs flows until all are done; false if nothing moves any more, or one broke.
inline bool run_flows(std::vector<Flow>& flows) {
  for (;;) {
    bool moved = false;
    bool left = false;
    for (Flow& flow : flows) {
      if (!flow.done()) moved = flow.step() || moved;
      left = left || !flow.done();
    }
    if (!left) break;
    if (moved) continue;
    std::vector<pollfd> fds;
    for (const Flow& flow : flows) {
      if (!flow.done()) flow.add_interest(fds);
    }
    if (poll(fds.data(), fds.size(), kPatienceMs) <= 0) return false;
  }
  return std::none_of(flows.begin(), flows.end(), [](const Flow& flow) { return flow.broken(); });
}

}  // namespace limpet::test
