// The backends: one process, as many listening ports as there are backends, and threads that serve them all.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "faults.h"
#include "message.h"
#include "pattern.h"
#include "stream.h"

namespace limpet::bench {

struct BackendTotals {
  std::atomic<uint64_t> connections{0};
  std::atomic<uint64_t> answers{0};
  std::atomic<uint64_t> received{0};  // bytes of streams, good ones
  std::atomic<uint64_t> sent{0};      // bytes of streams
  Faults faults;
};

class Backend {
 public:
  // `listeners`: listening sockets of this thread, not closed here. `stop`: an eventfd; when it is readable, run()
  // returns. `corrupt_every`: each so-manieth answer is given with a changed bit, to try those who check; 0: none.
  // `skip`: bytes before the first message of each connection.
  Backend(const std::vector<int>& listeners, int stop, uint64_t corrupt_every, size_t skip, BackendTotals& totals);
  ~Backend();
  void run();

 private:
  struct Connection {
    int fd = -1;
    bool listens = false;
    size_t skip = 0;  // bytes of its head that are still to come
    size_t got = 0;   // bytes of `request`
    Message request;
    std::unique_ptr<Stream> stream;
  };

  void accept_one(int listener);
  // False: it is over.
  bool handle(Connection& connection, uint32_t events);
  bool read_request(Connection& connection);
  enum class Got : uint8_t { kBytes, kNothing, kEnd };
  Got take(Connection& connection, void* into, size_t most, size_t& got);
  bool answer(const Connection& connection);
  bool begin_stream(Connection& connection);

  int epoll_;
  int stop_;
  uint64_t corrupt_every_;
  size_t skip_;
  BackendTotals& totals_;
  Pattern pattern_;
  std::vector<std::unique_ptr<Connection>> listeners_;  // what epoll gives back for the listening sockets
};

}  // namespace limpet::bench
