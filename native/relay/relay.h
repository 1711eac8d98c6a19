// The relay: worker threads, the pools and listeners they serve, and the hand-over of clients to them.
#pragma once

#include <memory>
#include <vector>

#include "listen_socket.h"
#include "worker.h"

namespace limpet {

// The numbers are those of HandOver in src/native.ts.
enum class HandOver : uint8_t {
  kTaken = 0,
  kMaxSessions = 1,
  kFdBudget = 2,
  kNoAddress = 3,
  kStopped = 4,
  kDenied = 5,  // also: no proxy that is trusted
};

// What becomes of those who wait in the queue of a listen socket that is closed. The numbers are those of Unlisten in
// src/native.ts.
enum class Unlisten : uint8_t {
  kServe = 0,  // they are served, and nobody else comes into the queue
  kReset = 1,
  kLeave = 2,  // they wait for another process, which has the socket, too: it goes on as it is
};

// A client whose key was made outside of the relay. No bytes of a key: it has none.
struct PassedClient {
  Bytes head;                // read before
  std::optional<Bytes> key;  // nothing: its address is its key
  uint64_t waited_ms = 0;
  uint64_t look_ms = 0;  // its head may be looked at still
  bool record = false;   // write session records
  std::optional<Named> named = std::nullopt;
  Bytes proxy_header{};  // the whole one that came before the head; empty: none
};

// Used by one thread, apart from its workers.
class Relay {
 public:
  static constexpr uint32_t kNone = UINT32_MAX;

  Relay(std::shared_ptr<EpochDomain> domain, unsigned threads);
  ~Relay() { stop(); }
  Relay(const Relay&) = delete;
  Relay& operator=(const Relay&) = delete;

  // 0, or an errno.
  int start();
  uint32_t add_pool(std::shared_ptr<Pool> pool, const SessionTimeouts& timeouts, const Keepalive& keepalive,
                    unsigned retries, HeadRules head = {});
  // How its backends are connected to. Before a listener leads to the pool.
  void set_outgoing(uint32_t pool, Outgoing outgoing);
  // Id of the listener; -1: no such pool.
  // `predecessor`: the listener in whose place it will be, kNone: there is none.
  int add_listener(uint32_t pool, uint32_t max_sessions, bool has_options,
                   std::shared_ptr<const AddressFilter> filter = nullptr, uint32_t predecessor = kNone,
                   const PeekLimits& peek = {}, const ProxyRules& proxy = {});
  // Before anybody comes to the listener: its clients go to these pools, by the places that the rules give. False:
  // there is no such listener or pool, or no pool for a place.
  bool set_routes(uint32_t listener, std::shared_ptr<const RouteRules> rules, std::span<const uint32_t> pools);
  // Lets go of a pool that no listener leads to any more: nobody accepts, or is handed over, for one that does. False:
  // sessions of it live still, or somebody accepts.
  bool let_go(uint32_t pool);
  // Opens the listener's own listen socket. 0 or -errno; -EINVAL: no such listener, or it has one.
  int listen(uint32_t listener, const SocketAddress& address, const ListenSettings& settings);
  // Takes a listen socket that somebody else opened, non-blocking, for the listener. 0 or -errno, as listen().
  int adopt(uint32_t listener, int fd);
  // Takes a copy of another listener's listen socket. 0 or -errno, as listen().
  int share(uint32_t listener, uint32_t from);
  // The listen socket, which stays the relay's; -1: there is none.
  int socket_of(uint32_t listener) const;
  // Where that is bound; length 0: there is none.
  SocketAddress address_of(uint32_t listener) const;
  // Serves its clients from now on, those first who wait already: the workers accept them.
  void accept(uint32_t listener);
  // Closes the listen socket without losing a client that waits in its queue, in steps: call until it says true.
  bool unlisten(uint32_t listener, Unlisten how);
  // Whether sessions that are accepted from now on write records, and how many sessions of the listener others carry.
  void set_record(uint32_t listener, bool record);
  void set_others(uint32_t listener, uint32_t sessions);
  // Duplicates `fd`; the caller keeps and closes its own. `head` may be empty. -1: no such listener.
  int hand_over(uint32_t listener, int fd, const uint8_t* head, size_t head_size, bool record);

  // As hand_over(), of a client that has its place in the budget of descriptors, and whose head somebody else has
  // looked at. False: it stays the caller's, place and all.
  bool pass_on(uint32_t listener, int fd, const PassedClient& client);

  uint32_t sessions() const;
  // Those of listeners in whose place it is included. -1: no such listener.
  int64_t sessions_of(uint32_t listener) const;
  void cut();
  unsigned threads() const { return static_cast<unsigned>(workers_.size()); }
  // Begins a look at a thread's sessions; one at a time. False: another one is under way, or there is no such thread.
  bool survey(unsigned thread, std::unique_ptr<Survey> survey);
  // What was begun; null: it is not done yet, or nothing was.
  std::unique_ptr<Survey> surveyed();
  // Ends a session that a survey of that thread found, if it still lives.
  void close_session(unsigned thread, uint32_t place, uint64_t id);
  size_t drain_records(uint8_t* into, size_t most);
  // Cuts what is left, joins the threads and lets go of descriptors and pools; idempotent. Counters and records stay.
  void stop();
  // Shared with whoever reads them: they outlive the relay.
  const std::shared_ptr<SessionCounters>& counters() { return counters_; }

 private:
  RelayListener* find(uint32_t listener) const;
  Worker& least_loaded();
  static bool copy_client(int fd, Bytes head, NewClient& client);
  bool drain_queue(RelayListener& listener);
  static void close_listen_socket(RelayListener& listener);
  int refuse(SessionCounter cause, HandOver status);

  const std::shared_ptr<EpochDomain> domain_;
  const std::shared_ptr<SessionCounters> counters_;  // row 0: the thread that hands over
  std::vector<std::unique_ptr<RelayPool>> pools_;
  std::vector<std::unique_ptr<RelayListener>> listeners_;
  std::vector<std::unique_ptr<Worker>> workers_;
  std::unique_ptr<Survey> survey_;  // a worker may be writing it
  size_t next_worker_ = 0;
  bool stopped_ = false;
};

}  // namespace limpet
