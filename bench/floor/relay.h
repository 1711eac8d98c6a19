// One thread of the floor: level-triggered epoll, one recv and one send per wake-up, splice after three full reads.
#pragma once

#include <netinet/in.h>
#include <sys/epoll.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

namespace limpet::bench {

class FloorRelay {
 public:
  // `listener`: a listening socket that does not block; may be shared by several threads.
  FloorRelay(int listener, const std::vector<sockaddr_in>& backends);
  // Does not return.
  void run();
  // Any thread.
  uint64_t accepted() const { return accepted_.load(std::memory_order_relaxed); }

 private:
  static constexpr size_t kBufferBytes = 64 * 1024;
  // So many reads that fill the buffer, one after another, make a direction change to splice.
  static constexpr unsigned kFullReads = 3;

  struct Session;

  // A socket of a session, and the direction that begins at it.
  struct Side {
    Session* session = nullptr;
    int fd = -1;
    uint32_t interest = 0;  // what epoll watches it for
    unsigned full_reads = 0;
    int pipe[2] = {-1, -1};
    size_t in_pipe = 0;
    std::vector<uint8_t> held;  // read, and not taken by the other side yet
    bool ended = false;         // its end was read, and passed on
  };

  struct Session {
    Side client;
    Side backend;
    bool closed = false;
    Side& other(const Side& side) { return &side == &client ? backend : client; }
  };

  void accept_some();
  void handle(Side& side, uint32_t events);
  // False, here and below: the session is over.
  bool move(Side& from, Side& to);
  bool copy(Side& from, Side& to);
  bool splice_through(Side& from, Side& to);
  bool flush(Side& from, Side& to);
  bool finish(Side& from, Side& to);
  bool watch(Side& side);
  void close_session(Session& session);

  int listener_;
  const std::vector<sockaddr_in>& backends_;
  std::atomic<uint64_t> accepted_{0};
  size_t next_backend_ = 0;
  int epoll_ = -1;
  std::unique_ptr<uint8_t[]> buffer_{new uint8_t[kBufferBytes]};
  // Freed after the batch of events, which may still name them.
  std::vector<Session*> closed_;
};

}  // namespace limpet::bench
