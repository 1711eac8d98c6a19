// A relay thread: its own epoll, its own sessions, its own timers. Other threads only put work into its inbox.
#pragma once

#include <pthread.h>

#include <atomic>
#include <mutex>
#include <optional>
#include <span>
#include <vector>

#include "acceptor.h"
#include "clock.h"
#include "connector.h"
#include "copier.h"
#include "counters.h"
#include "peek.h"
#include "record.h"
#include "session.h"
#include "session_slab.h"
#include "survey.h"
#include "timer_wheel.h"

struct epoll_event;

namespace limpet {

class Worker final : private WaitingRoom {
 public:
  // `row`: the worker's row in `counters`, which outlives it.
  Worker(std::shared_ptr<EpochDomain> domain, SessionCounters& counters, unsigned row);
  ~Worker();
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  // `all`: the relay's workers, this one among them; they outlive its thread. 0, or the errno of what could not be
  // made; then only its end may follow.
  int start(std::span<const std::unique_ptr<Worker>> all);
  // Any thread.
  void submit(const NewClient& client);
  // Accept for the listener from now on, or no more; `listener.watchers` falls when it has stopped.
  void watch(RelayListener& listener) { post({.kind = Order::Kind::kWatch, .listener = &listener}); }
  void unwatch(RelayListener& listener) { post({.kind = Order::Kind::kUnwatch, .listener = &listener}); }
  // Fills it in a moment; it must stay until it is done, or the thread has ended.
  void look_at_sessions(Survey& survey) { post({.kind = Order::Kind::kSurvey, .survey = &survey}); }
  // Ends a session by its place and its id, if it still lives.
  void ask_to_close(uint32_t place, uint64_t id) { post({.kind = Order::Kind::kClose, .place = place, .session = id}); }
  void cut();
  // The end, in three steps, each for every worker before the next one: workers put clients into each other's inboxes
  // until the last of them has ended. Idempotent.
  void ask_to_stop();  // the thread cuts its sessions and ends
  void join();
  void close_all();  // the clients left in the inbox, and what start() opened
  uint32_t sessions() const { return sessions_.load(std::memory_order_relaxed); }
  // One thread, always the same.
  RecordRing& records() { return records_; }

 private:
  // What another thread asks for.
  struct Order {
    enum class Kind : uint8_t { kWatch, kUnwatch, kSurvey, kClose, kTurn };
    Kind kind;
    RelayListener* listener = nullptr;
    Survey* survey = nullptr;
    uint32_t place = 0;
    uint64_t session = 0;
  };
  // A listener whose clients this worker accepts.
  struct Watched {
    RelayListener* listener;
    unsigned batch;  // clients to accept at the next wake-up
    unsigned turn;   // clients until it is another worker's turn to be woken first
    bool paused;     // not in epoll
    uint64_t wake;   // the last wake-up at which there were as many, or more
  };

  void run();
  void wait_and_handle();
  uint64_t longest_wait() const;
  void handle(const epoll_event& event);
  void handle_session(Session& session, const epoll_event& event);
  static void take_error(Side& side);
  void post(const Order& order);
  void announce();
  void take_inbox();
  Session& admit(const NewClient& client);  // a session that has not begun
  void adopt(const NewClient& client);

  void obey(const Order& order);

  // Accepting (worker_accept.cc).
  void start_accepting(RelayListener& listener);
  void stop_accepting(RelayListener& listener);
  void accept_from(Watched& watched);
  void place(const NewClient& client);
  void next_turn(Watched& watched);
  void pause(Watched& watched);
  void resume_paused();
  bool listen_to(const RelayListener& listener);
  void expire_timers();
  void run_queued();
  void cut_some();
  void bury();
  void wake();

  // For operators (worker_survey.cc).
  void look(Survey& survey);
  void close_session(uint32_t place, uint64_t id);
  Session* find(uint32_t place, uint64_t id);  // null: it has ended

  // A session's life.
  void begin(Session& session, const std::optional<AffinityKey>& key = std::nullopt);
  void begin_pool(Session& session);
  // Its PROXY header (worker_proxy.cc).
  void begin_proxy(Session& session);
  void read_proxy(Session& session);
  bool take_bytes(Session& session, size_t count);
  void find_key(Session& session);
  // worker_hot.cc
  void pick(Session& session, const AffinityKey& key);
  void tell_apart(Session& session, Bytes head, bool ended);
  void pick_by(Session& session, const AffinityKey& key, uint64_t by);
  // Its head (worker_peek.cc).
  void begin_peek(Session& session);
  void peek(Session& session, bool late);
  void stop_peeking(Session& session);
  void pick_named(Session& session);
  void pick_without_key(Session& session, SessionCounter cause);
  // Its pool, where there are several (worker_route.cc).
  void begin_route(Session& session);
  Verdict route(Session& session, Bytes head, bool ended);
  // What it asks for before its key (worker_refuse.cc).
  enum class Asked : uint8_t { kNothing, kPerhaps, kAnswered, kGone };
  Asked refuse_encryption(Session& session, Bytes head);
  void dispatch(Session& session, PickStatus status, bool admitted = false);
  // Until there is a seat (worker_wait.cc).
  bool wait_for_seat(Session& session);
  void call(const Waiter& waiter) override;  // any thread
  void take_turn(uint32_t place, uint64_t id);
  void on_wait_timer(Session& session);
  void stop_waiting(Session& session, SessionCounter cause);
  static bool wants_nothing(const Side& side);
  // Until the backend takes it (worker_hold.cc).
  bool hold(Session& session);
  void release_held(Session& session);
  int connect(Session& session);
  int try_connect(Session& session);
  // From where, and who the backend is told that the client is (worker_source.cc, worker_proxy_out.cc).
  ConnectBegun connect_from(const Session& session, const SocketAddress& address);
  bool send_proxy_header(Session& session);
  std::string_view server_name(Session& session);
  void connect_again(Session& session);
  void connect_failed(Session& session, int error);
  void on_connect_event(Session& session, uint32_t events);
  void connected(Session& session);
  void pump(Session& session);
  void learn(Session& session);  // worker_learn.cc
  bool pump_side(Session& session, Which from);
  bool pass_on_reset(Session& session);
  bool linger(Session& session, Side& receiver);  // worker_linger.cc
  void end_by_reset(Session& session, Which which);
  void arm_timer(Session& session);
  void on_timer(Session& session);
  void end(Session& session, SessionCounter cause, bool reset);
  void close_side(Session& session, Which which, bool reset);
  bool watch_side(Session& session, Which which);

  void count(SessionCounter counter, uint64_t by = 1) { counters_.add(counter, by); }
  SessionRecord record_of(const Session& session, RecordKind kind) const;
  void write_record(const Session& session, RecordKind kind, SessionCounter cause);
  void tick() { now_ms_ = monotonic_ms(); }

  const std::shared_ptr<EpochDomain> domain_;
  std::optional<EpochThread> epoch_;  // until close_all()
  const SessionCounterRow counters_;
  int epoll_ = -1;
  int event_ = -1;  // eventfd: something is in the inbox

  // The thread's own.
  uint64_t now_ms_ = 0;
  uint64_t next_id_ = 0;
  uint64_t wake_ = 0;  // number of the wake-up
  size_t next_source_ = 0;
  Copier copier_;
  std::unique_ptr<PeekRoom> peek_room_;  // null: no head has been looked at yet
  std::unique_ptr<TimerWheel> wheel_;
  SessionSlab slab_;
  std::span<const std::unique_ptr<Worker>> workers_;
  std::vector<Watched> watched_;
  bool cutting_ = false;
  uint64_t cut_until_ms_ = 0;  // until then a cut waits for room for its records
  uint64_t resume_ms_ = 0;     // when those that are paused are tried again; 0: none is
  Session* all_ = nullptr;
  std::vector<Session*> queued_;  // used up their budget: go on after the others
  std::vector<Session*> turn_;    // those of the wake-up before, whose turn it is after the events of this one
  std::vector<Session*> dead_;    // their places are given back when the batch of events is through
  RecordRing records_;

  // Shared.
  alignas(64) std::atomic<uint32_t> sessions_{0};  // submitted or accepted, and not ended
  std::atomic<bool> sleeping_{false};
  std::atomic<bool> stopping_{false};
  std::atomic<bool> cut_{false};
  std::atomic<bool> posted_{false};  // something is in the inbox
  std::mutex inbox_mutex_;
  std::vector<NewClient> inbox_;
  std::vector<Order> orders_;
  // The inbox's other half, so that neither allocates.
  std::vector<NewClient> taken_;
  std::vector<Order> obeyed_;
  pthread_t thread_{};
  bool running_ = false;  // there is a thread to join
};

}  // namespace limpet
