// A relay thread: its own epoll, its own sessions, its own timers. Other threads only put work into its inbox.
#pragma once

#include <pthread.h>

#include <atomic>
#include <mutex>
#include <optional>
#include <vector>

#include "buffers.h"
#include "clock.h"
#include "counters.h"
#include "record.h"
#include "session.h"
#include "session_slab.h"
#include "timer_wheel.h"

struct epoll_event;

namespace limpet {

// A client on its way to a worker.
struct NewClient {
  int fd;
  RelayListener* listener;
  ClientAddress address;
  Backlog head;  // bytes read before; owned
  bool record;
};

class Worker {
 public:
  // `row`: the worker's row in `counters`, which outlives it.
  Worker(std::shared_ptr<EpochDomain> domain, SessionCounters& counters, unsigned row);
  ~Worker();
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  // 0, or the errno of what could not be made; then nothing else may be called.
  int start();
  // Any thread.
  void submit(const NewClient& client);
  void cut();
  void stop();  // cuts, joins, and closes what start() opened; idempotent
  uint32_t sessions() const { return sessions_.load(std::memory_order_relaxed); }
  // One thread, always the same.
  RecordRing& records() { return records_; }

 private:
  void run();
  void wait_and_handle();
  void handle(const epoll_event& event);
  void take_inbox();
  void adopt(const NewClient& client);
  void expire_timers();
  void run_queued();
  void bury();
  void wake();

  // A session's life.
  void begin(Session& session);
  void dispatch(Session& session, PickStatus status);
  int connect(Session& session);
  void connect_failed(Session& session, int error);
  void on_connect_event(Session& session, uint32_t events);
  void connected(Session& session);
  void pump(Session& session);
  bool pump_side(Session& session, Which from);
  void arm_timer(Session& session);
  void on_timer(Session& session);
  void end(Session& session, SessionCounter cause, bool reset);
  void close_side(Session& session, Which which, bool reset);
  bool watch(Session& session, Which which);

  void count(SessionCounter counter, uint64_t by = 1) { counters_.add(row_, static_cast<unsigned>(counter), by); }
  void write_record(const Session& session, RecordKind kind, SessionCounter cause);
  void tick() { now_ms_ = monotonic_ms(); }

  const std::shared_ptr<EpochDomain> domain_;
  std::optional<EpochThread> epoch_;  // until stop()
  SessionCounters& counters_;
  const unsigned row_;
  int epoll_ = -1;
  int event_ = -1;  // eventfd: something is in the inbox

  // The thread's own.
  uint64_t now_ms_ = 0;
  uint64_t next_id_ = 0;
  Buffers buffers_;
  std::unique_ptr<TimerWheel> wheel_;
  SessionSlab slab_;
  Session* all_ = nullptr;
  std::vector<Session*> queued_;  // used up their budget: go on after the others
  std::vector<Session*> turn_;    // the other half of queued_, so that neither allocates
  std::vector<Session*> dead_;    // their places are given back when the batch of events is through
  RecordRing records_;

  // Shared.
  std::atomic<uint32_t> sessions_{0};  // submitted and not ended
  std::atomic<bool> sleeping_{false};
  std::atomic<bool> stopping_{false};
  std::atomic<bool> cut_{false};
  std::mutex inbox_mutex_;
  std::vector<NewClient> inbox_;
  std::vector<NewClient> taken_;  // the inbox's other half, so that neither allocates
  pthread_t thread_{};
  bool running_ = false;  // there is a thread to join
};

}  // namespace limpet
