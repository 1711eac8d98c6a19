// A session: one client connection joined to one backend connection. Owned by one worker; at rest it holds two
// descriptors and this record, no buffer and no pipe.
#pragma once

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <vector>

#include "../core/address_filter.h"
#include "../core/pool.h"
#include "../protocol/head_key.h"
#include "counters.h"
#include "first_bytes.h"
#include "outgoing.h"
#include "proxied_client.h"
#include "routes.h"
#include "timer_wheel.h"

namespace limpet {

struct SessionTimeouts {
  uint64_t connect_ms;
  uint64_t idle_ms;  // 0: off
  uint64_t fin_ms;   // without a byte, once one direction has ended; 0: off
};

// TCP keepalive in seconds; idle 0: off. user_timeout_ms is TCP_USER_TIMEOUT, 0: the kernel's own.
struct Keepalive {
  int idle_s;
  int interval_s;
  int count;
  unsigned user_timeout_ms;

  bool operator==(const Keepalive&) const = default;
};

// When a session's backend gets keepalive: as old as the shortest idle time that can be configured.
inline constexpr uint64_t kKeepaliveAfterMs = 1'000;

// What becomes of a client in whose head no key is found. The numbers are those of KeyFallback in src/native.ts.
enum class KeyFallback : uint8_t {
  kSource = 0,  // its address is the key
  kRefuse = 1,
  kRandom = 2,  // it has none, and goes to the least loaded backend
};
inline constexpr uint32_t kMaxKeyFallback = 2;

// Where the keys of a pool's clients are; no recipes: in their addresses, and nobody's head is waited for.
struct HeadRules {
  std::vector<HeadRecipe> recipes{};
  KeyFallback fallback = KeyFallback::kSource;
  bool refuses_encryption = false;   // of PostgreSQL: requests for it are answered here, and go no further
  std::vector<HeadRecipe> hot_by{};  // what tells the clients of a hot key apart; empty: their ports, or
  bool hot_by_address = false;       // their whole addresses
};

// A pool as the relay uses it.
struct RelayPool {
  std::shared_ptr<Pool> pool;
  SessionTimeouts timeouts;
  Keepalive keepalive;
  unsigned retries;
  uint32_t id;
  HeadRules head;
  bool learns = false;  // keys from the backends' answers
  Outgoing outgoing;
};

// How far, and for how long, a head is looked at.
struct PeekLimits {
  uint32_t bytes = 16 * 1024;  // at most kMaxHeadBytes
  uint64_t timeout_ms = 3000;
};

// Clients of a listener come through proxies, which say who they are.
struct ProxyRules {
  std::shared_ptr<const AddressFilter> trust;  // from whom a header is taken, and is a must; null: there are none
  uint64_t timeout_ms = 3000;                  // until the header is whole
};

struct RelayListener {
  RelayPool* pool;  // with routes: that of the last rule, whose keepalive its sockets begin with
  std::unique_ptr<const RelayRoutes> routes;  // null: all clients go to `pool`. Not changed once anybody comes
  uint32_t id;
  uint32_t max_sessions;  // 0: no limit of its own
  // Sockets that are handed over have TCP_NODELAY and keepalive from their listen socket; otherwise each is set.
  bool has_options;
  std::shared_ptr<const AddressFilter> filter;  // null: whoever comes is taken
  PeekLimits peek;
  ProxyRules proxy;
  // Those in whose place this one is; their sessions count for max_sessions, too. Not changed once it is made.
  std::vector<const RelayListener*> predecessors;
  std::atomic<uint32_t> sessions{0};
  // Sessions of it that another relay carries; they count for max_sessions.
  std::atomic<uint32_t> others{0};
  // What follows is for listeners that workers accept for.
  int fd = -1;                        // the listen socket, shared by the workers; the relay's, -1: none
  std::atomic<bool> record{false};    // write session records for those that are accepted from now on
  std::atomic<uint32_t> watchers{0};  // workers that may still accept
  bool closing = false;               // the relay's thread's own, as is what follows
  unsigned empty_passes = 0;          // over the queue, since closing began
};

// Whether its clients go, or may go, to that pool.
inline bool leads_to(const RelayListener& listener, const RelayPool& pool) {
  return listener.pool == &pool || (listener.routes && listener.routes->lead_to(pool));
}

// Sessions of the listeners in whose place this one is.
inline uint32_t sessions_before(const RelayListener& listener) {
  uint32_t sessions = 0;
  for (const RelayListener* before : listener.predecessors)
    sessions += before->sessions.load(std::memory_order_acquire);
  return sessions;
}

// What epoll reports of the listen socket. Sessions have greater ones (session_slab.h).
inline uint64_t listener_tag(const RelayListener& listener) { return uint64_t{listener.id} + 1; }

// Bytes that were read and could not be written at once. Held only while the receiver is slow.
struct Backlog {
  uint8_t* data = nullptr;
  uint32_t begin = 0;
  uint32_t end = 0;
  uint32_t ahead = 0;   // the first of them are no bytes of the side, but said of it: a PROXY protocol header
  bool pooled = false;  // data is one of the worker's buffers, else from malloc

  bool empty() const { return begin == end; }
};

// A pipe of the worker's pool, lent to a direction while bytes are on their way through it.
struct Pipe {
  int read_end = -1;
  int write_end = -1;
  uint32_t held = 0;  // bytes in it

  bool open() const { return read_end >= 0; }
};

// One of the two sockets. Flags follow edge-triggered epoll: what was reported holds until EAGAIN (or a short read or
// write) says otherwise.
struct Side {
  uint64_t tag = 0;  // of its events; 0: not in epoll
  int fd = -1;
  Pipe pipe;  // bytes spliced from this side, for the other one; here it fills a gap
  bool readable = false;
  bool writable = false;
  bool finished = false;   // its FIN is reported: read until recv() == 0, whatever a short read seems to say
  bool whole = false;      // its FIN came before any reset: it had sent all that it wanted to
  bool failed = false;     // it was reset: nothing can be written to it, and what it had sent may still be read
  bool probe = false;      // a short read does not mean "drained": unix sockets, urgent data
  bool ended = false;      // recv() == 0 was seen
  bool shut = false;       // our FIN went to it: everything the other side sent has been written
  bool delays = false;     // it has Nagle's algorithm still, which holds back a small write behind another one
  bool sent = false;       // something was written to it
  bool splices = false;    // bulk comes from it: through a pipe, not through the buffer
  bool copies = false;     // the kernel refused to splice it
  bool overheard = false;  // what it says first is looked at
  uint8_t full_reads = 0;  // in a row, up to now: a read filled the buffer
  uint64_t rested = 0;     // `bytes` when it was last found empty in the middle of bulk
  Backlog backlog;         // bytes read from this side, for the other one; they come before those of the pipe
  uint64_t bytes = 0;      // read or spliced from this side
  std::unique_ptr<FirstBytes> first;  // null: nothing is kept

  // It was reset, and `error` was taken from it, so that recv() would say 0, as at a FIN. TCP says EPIPE where a FIN
  // came first; a unix socket says it always, and recv() still tells.
  void fail(int error) {
    failed = readable = finished = true;
    whole = whole || error == EPIPE;
  }
  // Taken from this side and not passed on yet.
  uint64_t held() const { return backlog.end - backlog.begin - backlog.ahead + pipe.held; }
  // Something waits to be written to the other one.
  bool holds() const { return !backlog.empty() || pipe.held > 0; }
  // The other side has not got all that came from this one up to now.
  bool has_more() const { return holds() || (readable && !ended); }
};

enum class Which : uint8_t { kClient = 0, kBackend = 1 };

struct alignas(64) Session : TimerNode {
  Side sides[2];
  Seat seat;
  RelayListener* listener = nullptr;
  RelayPool* pool = nullptr;     // while `unrouted`: the listener's
  ProxiedClientPointer proxied;  // null: no such listener, or it is joined already
  ClientAddress client;          // with a PROXY header, whom that names
  uint32_t place = 0;            // in the worker's slab
  uint64_t id = 0;
  uint64_t began_ms = 0;
  uint64_t active_ms = 0;  // last byte in either direction
  uint64_t connect_began_us = 0;
  uint32_t connect_us = 0;
  unsigned tries = 0;           // connects begun
  unsigned unacknowledged = 0;  // of the last words of the side that is gone, when they were last looked at
  uint16_t self_port = 0;       // of a backend to which a socket may connect that is itself; 0: that cannot be
  uint16_t port = 0;            // it came to; known only where the listener's routes ask for it
  uint8_t refused = 0;          // requests for encryption that were answered, one bit for each kind
  bool called = false;          // while `waiting`: its turn has come, and is put off
  // Bits: as bytes they would make the record a cache line longer.
  bool unrouted : 1 = false;   // its pool is not chosen yet
  bool proxying : 1 = false;   // its PROXY header has not come yet
  bool peeking : 1 = false;    // its head is looked at, for its pool or its key
  bool spreading : 1 = false;  // while `peeking`: its key is known (seat.key), and hot
  bool held : 1 = false;       // waits until its backend takes it
  bool waiting : 1 = false;    // has no seat, and waits for one
  bool connected : 1 = false;
  bool answered : 1 = false;  // the backend has sent something
  bool rejected : 1 = false;  // the backend reset it in its first moments
  bool record : 1 = false;
  // The backend's socket has none yet: most sessions are over before they could need it.
  bool wants_keepalive : 1 = false;
  bool dead : 1 = false;       // its place is given back at the end of the batch
  bool queued : 1 = false;     // in the worker's list of those that used up their budget
  bool lingers : 1 = false;    // one side is gone, and the other has not got all of its last words (worker_linger.cc)
  Waiter waiter;               // while `waiting`
  uint64_t wait_until_ms = 0;  // `peeking`, and then `waiting`, at most; 0: it never did
  Session* next = nullptr;     // all sessions of the worker
  Session* previous = nullptr;

  Side& side(Which which) { return sides[static_cast<unsigned>(which)]; }
  RelayPool& relay_pool() const { return *pool; }
};

// Fits with its sockets into the promised 1 KiB of user memory per idle session, several times.
static_assert(sizeof(Session) <= 512);

inline Which other(Which which) { return which == Which::kClient ? Which::kBackend : Which::kClient; }

}  // namespace limpet
