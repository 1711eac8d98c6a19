// A thread of clients. Each trial is a class of its own; what they share is here.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "clocks.h"
#include "faults.h"
#include "head.h"
#include "histogram.h"
#include "message.h"
#include "sockets.h"

namespace limpet::bench {

// What all threads of a trial share.
struct Trial {
  Trial(Route& to, int stop_event, Head first = {}) : route(to), head(std::move(first)), stop(stop_event) {}

  Route& route;
  const Head head;  // of connections; empty: they begin with their message
  int stop;         // an eventfd; when it is readable, the threads return
  Faults faults;
  std::atomic<bool> recording{false};         // latencies count
  std::atomic<int64_t> remaining{INT64_MAX};  // units that may still begin
  std::atomic<uint64_t> units{0};             // that were done: connections, round trips
  std::atomic<uint64_t> bytes{0};             // of bulk transfers, sent and received
};

class Client {
 public:
  // A session that has waited so long when the time is over counts as a fault.
  static constexpr uint64_t kStalledNs = 2'000'000'000;
  // A trial with so many faults is lost, and would only burn CPU.
  static constexpr uint64_t kMostFaults = 1000;

  explicit Client(Trial& trial);
  virtual ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  // Until it is told to stop, or nothing remains to be done.
  void run();
  const Histogram& latency() const { return latency_; }

 protected:
  struct Session {
    int fd = -1;
    bool sent = false;
    size_t got = 0;  // bytes of `answer`
    uint64_t began_ns = 0;
    Message request;
    Message answer;
  };
  enum class Heard : uint8_t { kPart, kAll, kFault };

  virtual void begin() = 0;
  virtual void handle(Session& session, uint32_t events) = 0;

  // Opens as many as there are, and watches them.
  bool open_all();
  // Takes one of what remains; false: nothing does, or too much went wrong.
  bool take_turn();
  // Sends the request, unless the socket is not connected yet. False: a fault was counted.
  bool send_request(Session& session);
  Heard read_answer(Session& session);
  void done(const Session& session);
  void close_session(Session& session);

  Trial& trial_;
  int epoll_;
  std::vector<std::unique_ptr<Session>> sessions_;
  size_t active_ = 0;  // sessions with something under way; at 0, run() returns

 private:
  void count_stalled();

  Histogram latency_;
};

}  // namespace limpet::bench
