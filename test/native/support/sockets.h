// Sockets for tests: never blocking, every wait with a deadline.
#pragma once

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <string>
#include <string_view>
#include <utility>

#include "support/test.h"

namespace limpet::test {

inline constexpr int kPatienceMs = 20'000;

inline bool wait_for(int fd, short events, int timeout_ms = kPatienceMs) {
  pollfd one{fd, events, 0};
  int result;
  do {
    result = poll(&one, 1, timeout_ms);
  } while (result < 0 && errno == EINTR);
  return result > 0;
}

class Socket {
 public:
  Socket() = default;
  explicit Socket(int fd) : fd_(fd) {
    if (fd >= 0) fcntl(fd, F_SETFL, O_NONBLOCK);
  }
  ~Socket() { close(); }
  Socket(Socket&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Socket& operator=(Socket&& other) noexcept {
    close();
    fd_ = std::exchange(other.fd_, -1);
    return *this;
  }

  int fd() const { return fd_; }
  bool open() const { return fd_ >= 0; }
  void close() {
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
  }
  // Closes so that the peer gets a RST.
  void reset() {
    const linger hard{1, 0};
    setsockopt(fd_, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
    close();
  }
  // No more bytes from here.
  void finish() { shutdown(fd_, SHUT_WR); }
  void set_send_buffer(int bytes) { setsockopt(fd_, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes); }

  // All of it; false on an error or after the deadline.
  bool write(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t n = send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (n > 0) bytes.remove_prefix(static_cast<size_t>(n));
      if (n < 0 && (errno != EAGAIN || !wait_for(fd_, POLLOUT))) return false;
    }
    return true;
  }
  // Exactly `count` bytes, or less if the end, an error or the deadline comes first.
  std::string read(size_t count) {
    std::string bytes(count, '\0');
    size_t have = 0;
    while (have < count) {
      const ssize_t n = receive(bytes.data() + have, count - have);
      if (n <= 0) break;
      have += static_cast<size_t>(n);
    }
    bytes.resize(have);
    return bytes;
  }
  std::string read_to_end() {
    std::string all;
    char part[16 * 1024];
    for (;;) {
      const ssize_t n = receive(part, sizeof part);
      if (n <= 0) return n == 0 ? all : all + "<no end>";
      all.append(part, static_cast<size_t>(n));
    }
  }
  // Reads and forgets; how many bytes there were before the end.
  uint64_t skip_to_end() {
    char part[64 * 1024];
    uint64_t count = 0;
    for (ssize_t n; (n = receive(part, sizeof part)) > 0;) count += static_cast<uint64_t>(n);
    return count;
  }
  // The next thing to read is the end; or a reset, after whatever bytes.
  bool ends() {
    char one;
    return receive(&one, 1) == 0;
  }
  bool is_reset() {
    char part[4096];
    ssize_t n;
    while ((n = receive(part, sizeof part)) > 0) continue;
    return n < 0 && errno == ECONNRESET;
  }
  bool closes() {  // ends or is reset
    char part[4096];
    ssize_t n;
    while ((n = receive(part, sizeof part)) > 0) continue;
    return n == 0 || errno == ECONNRESET;
  }
  // Its connect came to an end, and how: 0, or an errno; ETIMEDOUT after the deadline.
  int connect_error(int timeout_ms = kPatienceMs) const {
    if (!wait_for(fd_, POLLOUT, timeout_ms)) return ETIMEDOUT;
    int error = 0;
    socklen_t length = sizeof error;
    getsockopt(fd_, SOL_SOCKET, SO_ERROR, &error, &length);
    return error;
  }
  bool quiet_for(int ms) const { return !wait_for(fd_, POLLIN | POLLRDHUP, ms); }
  bool echoes(std::string_view bytes, Socket& peer) { return write(bytes) && peer.read(bytes.size()) == bytes; }

 private:
  // Waits for bytes; -1 and ETIMEDOUT after the deadline.
  ssize_t receive(char* into, size_t count) {
    for (;;) {
      const ssize_t n = recv(fd_, into, count, 0);
      if (n >= 0 || errno != EAGAIN) return n;
      if (!wait_for(fd_, POLLIN)) {
        errno = ETIMEDOUT;
        return -1;
      }
    }
  }
  int fd_ = -1;
};

inline sockaddr_in ipv4_socket(const char* host, uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  inet_pton(AF_INET, host, &address.sin_addr);
  return address;
}

inline uint16_t local_port(int fd) {
  sockaddr_in address{};
  socklen_t length = sizeof address;
  getsockname(fd, reinterpret_cast<sockaddr*>(&address), &length);
  return ntohs(address.sin_port);
}

// A port of this host: bound, and listening or not.
class Port {
 public:
  enum class Kind { kListening, kRefusing };
  explicit Port(Kind kind = Kind::kListening, int backlog = 1024)
      : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    const sockaddr_in address = ipv4_socket("127.0.0.1", 0);
    CHECK(bind(socket_.fd(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
    if (kind == Kind::kListening) CHECK(listen(socket_.fd(), backlog) == 0);
  }
  uint16_t number() const { return local_port(socket_.fd()); }
  int fd() const { return socket_.fd(); }
  Socket accept(int timeout_ms = kPatienceMs) const {
    if (!wait_for(socket_.fd(), POLLIN, timeout_ms)) return Socket();
    return Socket(::accept4(socket_.fd(), nullptr, nullptr, SOCK_CLOEXEC));
  }
  // Somebody has connected, and waits to be accepted.
  bool has_caller(int timeout_ms) const { return wait_for(socket_.fd(), POLLIN, timeout_ms); }
  void close() { socket_.close(); }

 private:
  Socket socket_;
};

// Connects without waiting for the outcome. `source`: a loopback address, so another client.
inline Socket begin_connection(uint16_t port, const char* source = "127.0.0.1") {
  Socket socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const int one = 1;
  setsockopt(socket.fd(), IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  const sockaddr_in from = ipv4_socket(source, 0);
  bind(socket.fd(), reinterpret_cast<const sockaddr*>(&from), sizeof from);
  const sockaddr_in to = ipv4_socket("127.0.0.1", port);
  [[maybe_unused]] const int result = connect(socket.fd(), reinterpret_cast<const sockaddr*>(&to), sizeof to);
  return socket;
}

// A listener whose queue is full: a SYN gets no answer until room() was called.
class FullPort {
 public:
  FullPort() : port_(Port::Kind::kListening, 0) {
    for (unsigned i = 0; i < 8; i++) fillers_.push_back(begin_connection(port_.number()));
    CHECK(wait_for(fillers_[0].fd(), POLLOUT));
  }
  uint16_t number() const { return port_.number(); }
  // Accepts those that filled the queue, and returns the first caller that came after.
  Socket accept_caller() {
    for (Socket& filler : fillers_) filler.reset();
    for (;;) {
      Socket socket = port_.accept();
      if (!socket.open()) return socket;
      sockaddr_in peer{};
      socklen_t length = sizeof peer;
      if (getpeername(socket.fd(), reinterpret_cast<sockaddr*>(&peer), &length) == 0) return socket;
    }
  }

 private:
  Port port_;
  std::vector<Socket> fillers_;
};

}  // namespace limpet::test
