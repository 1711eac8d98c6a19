// A session's life on its worker: pick, connect (and redispatch), pump, time out, end.
#include <sys/epoll.h>

#include <algorithm>
#include <cerrno>

#include "clock.h"
#include "connector.h"
#include "durations.h"
#include "worker.h"

namespace limpet {

namespace {

constexpr uint64_t kNever = UINT64_MAX;
// When a unix socket whose queue is full is tried again: nothing tells that it has room.
constexpr uint64_t kCrowdedMs = 20;
// A backend that resets a session so soon, and has said nothing, did not want it. As FIRST_MOMENTS_MS in
// src/relay/stream-session.ts.
constexpr uint64_t kFirstMomentsUs = 5'000'000;

SessionCounter refusal(PickStatus status) {
  switch (status) {
    case PickStatus::kPoolFull:
      return SessionCounter::kRefusedPoolFull;
    case PickStatus::kQueueFull:
      return SessionCounter::kRefusedQueueFull;
    case PickStatus::kKeySessions:
      return SessionCounter::kRefusedKeySessions;
    case PickStatus::kKeyRate:
      return SessionCounter::kRefusedKeyRate;
    case PickStatus::kOk:  // the last connect failed, and no try is left
    case PickStatus::kNoBackend:
      break;
  }
  return SessionCounter::kRefusedNoBackend;
}

}  // namespace

// `key`: of one whose head was looked at elsewhere.
void Worker::begin(Session& session, const std::optional<AffinityKey>& key) {
  if (!watch_side(session, Which::kClient)) {
    end(session, SessionCounter::kEndError, false);
    return;
  }
  if (key) return pick(session, *key);
  if (session.listener->proxy.trust) return begin_proxy(session);
  begin_pool(session);
}

// Who the client is, is known.
void Worker::begin_pool(Session& session) { session.unrouted ? begin_route(session) : find_key(session); }

// It has its pool.
void Worker::find_key(Session& session) {
  const RelayPool& pool = session.relay_pool();
  if (!pool.head.recipes.empty()) return begin_peek(session);
  pick(session, pool.pool->key(session.client));
}

// Connects to the backend that was picked, once it is admitted there; on an immediate failure to the next one, until
// one is connecting or none is left. A loop, not recursion: bounded by the pool's retries.
void Worker::dispatch(Session& session, PickStatus status, bool admitted) {
  Pool& pool = *session.relay_pool().pool;
  while (status == PickStatus::kOk) {
    if (!admitted && hold(session)) return;
    admitted = false;
    const int error = connect(session);
    if (error == 0) return;
    count(connect_counter(error));
    if (!is_local_failure(error)) Pool::blame(session.seat);
    if (session.tries > session.relay_pool().retries) break;
    status = pool.redispatch(*epoch_, session.seat, is_local_failure(error), now_ms_);
  }
  if (status == PickStatus::kPoolFull && wait_for_seat(session)) return;
  end(session, refusal(status), false);
}

// 0: connecting; else the errno of what failed at once.
int Worker::connect(Session& session) {
  session.tries++;
  session.connect_began_us = monotonic_us();
  return try_connect(session);
}

int Worker::try_connect(Session& session) {
  const auto* address = static_cast<const SocketAddress*>(session.seat.endpoint);
  if (!address) return EHOSTUNREACH;  // its host name has not been looked up
  const bool binds = session.relay_pool().outgoing.binds();
  const ConnectBegun begun = binds ? connect_from(session, *address) : begin_connect(*address);
  Side& backend = session.side(Which::kBackend);
  backend = Side{};
  backend.fd = begun.fd;
  if (begun.fd < 0 && begun.error == EAGAIN && address->family() == AF_UNIX) {
    wheel_->arm(session, now_ms_ + kCrowdedMs);
    return 0;
  }
  if (begun.fd < 0) return begun.error;
  const Keepalive& keepalive = session.relay_pool().keepalive;
  backend.probe = address->family() == AF_UNIX;
  backend.delays = !backend.probe;
  session.wants_keepalive = !backend.probe && (keepalive.idle_s > 0 || keepalive.user_timeout_ms > 0);
  session.self_port = may_self_connect(*address) ? port_of(*address) : uint16_t{0};
  if (!watch_side(session, Which::kBackend)) {
    const int error = errno;
    close_side(session, Which::kBackend, false);
    return error;
  }
  arm_timer(session);
  return 0;
}

// The backend's queue was full: it is tried again for as long as a connect may take.
void Worker::connect_again(Session& session) {
  const RelayPool& pool = session.relay_pool();
  if (now_ms_ >= session.connect_began_us / 1000 + pool.timeouts.connect_ms) return connect_failed(session, ETIMEDOUT);
  // What was picked may have another address since, or be gone.
  const Backend& backend = *session.seat.backend;
  const RosterEntry* const entry = pool.pool->roster().find(backend.index, backend.generation);
  session.seat.endpoint = entry ? entry->endpoint.get() : nullptr;
  if (const int error = try_connect(session); error != 0) connect_failed(session, error);
}

// The connect under way came to nothing: the next backend, if there is a try left.
void Worker::connect_failed(Session& session, int error) {
  count(connect_counter(error));
  if (!is_local_failure(error)) Pool::blame(session.seat);
  close_side(session, Which::kBackend, error == ELOOP);
  if (session.tries > session.relay_pool().retries) {
    end(session, SessionCounter::kRefusedNoBackend, false);
    return;
  }
  dispatch(session, session.relay_pool().pool->redispatch(*epoch_, session.seat, is_local_failure(error), now_ms_));
}

void Worker::on_connect_event(Session& session, uint32_t events) {
  if ((events & (EPOLLERR | EPOLLHUP)) != 0) {
    const int error = socket_error(session.side(Which::kBackend).fd);
    if (error != 0) {
      connect_failed(session, error);
      return;
    }
  }
  if ((events & EPOLLOUT) != 0) connected(session);
}

void Worker::connected(Session& session) {
  if (session.self_port != 0 && is_self_connected(session.side(Which::kBackend).fd, session.self_port)) {
    connect_failed(session, ELOOP);
    return;
  }
  session.connected = true;
  session.side(Which::kBackend).overheard = session.relay_pool().learns;
  session.active_ms = now_ms_;
  session.connect_us = static_cast<uint32_t>(monotonic_us() - session.connect_began_us);
  session.relay_pool().pool->confirm(*epoch_, session.seat, now_ms_);
  count(SessionCounter::kOpened);
  count_connect(counters_, session.connect_us);
  if (session.record) write_record(session, RecordKind::kOpen, SessionCounter::kOpened);
  arm_timer(session);
  if (session.relay_pool().outgoing.proxy != SendProxy::kOff && !send_proxy_header(session)) return;
  session.proxied.reset();
  pump(session);
}

// Copies one direction. False: the session has ended.
bool Worker::pump_side(Session& session, Which from) {
  if (session.side(other(from)).failed) return true;
  uint64_t moved = 0;
  const CopyResult result = copier_.copy(session, from, moved);
  if (moved > 0) {
    session.active_ms = now_ms_;
    if (from == Which::kBackend && !session.answered) {
      session.answered = true;
      Pool::clear_reset(session.seat);
    }
    count(from == Which::kClient ? SessionCounter::kBytesToBackend : SessionCounter::kBytesToClient, moved);
  }
  switch (result) {
    case CopyResult::kIdle:
    case CopyResult::kEnded:
      return true;
    case CopyResult::kBudget:
      if (!session.queued) queued_.push_back(&session);
      session.queued = true;
      return true;
    case CopyResult::kFromReset:
      end_by_reset(session, from);
      return false;
    case CopyResult::kToReset:
      // What it had sent before is still there.
      return pump_side(session, other(from));
    case CopyResult::kError:
      end(session, SessionCounter::kEndError, true);
      return false;
  }
  return true;
}

void Worker::end_by_reset(Session& session, Which which) {
  if (which == Which::kBackend && !session.answered) {
    const uint64_t open_us = monotonic_us() - session.connect_began_us - session.connect_us;
    session.rejected = open_us < kFirstMomentsUs;
  }
  end(session, which == Which::kClient ? SessionCounter::kEndClientReset : SessionCounter::kEndBackendReset, true);
}

// What a side had sent before it was reset goes to the other one, as far as that takes it now; a stream that was whole,
// also later. Then the reset goes on, as it does in TCP. True: the session has ended.
bool Worker::pass_on_reset(Session& session) {
  for (const Which which : {Which::kClient, Which::kBackend}) {
    const Side& side = session.side(which);
    if (!side.failed) continue;
    const bool waits = side.holds() || !side.ended;
    const bool reads_on = session.queued && !side.holds() && !side.ended;
    Side& receiver = session.side(other(which));
    if (!receiver.failed && (reads_on || (side.whole && waits) || linger(session, receiver))) continue;
    end_by_reset(session, which);
    return true;
  }
  return false;
}

void Worker::pump(Session& session) {
  Side& client = session.side(Which::kClient);
  Side& backend = session.side(Which::kBackend);
  const bool half_before = client.shut || backend.shut;
  // The answers first: a backend that answered and reset still gets its bytes through before the reset is seen.
  if (!pump_side(session, Which::kBackend)) return;
  if (backend.overheard) learn(session);
  if (!pump_side(session, Which::kClient)) return;
  if ((client.failed || backend.failed) && pass_on_reset(session)) return;
  if (client.shut && backend.shut) {
    end(session, SessionCounter::kEndFinished, false);
    return;
  }
  if (!half_before && (client.shut || backend.shut)) {
    session.active_ms = now_ms_;  // `fin` counts from the FIN, also after a long rest
    arm_timer(session);
  }
}

// What the session waits for at most: connecting, one direction ended, or idle. Bytes only move active_ms; the timer
// looks at it when it fires, so that no byte costs a re-arming.
void Worker::arm_timer(Session& session) {
  const SessionTimeouts& timeouts = session.relay_pool().timeouts;
  const bool half = session.side(Which::kClient).shut || session.side(Which::kBackend).shut;
  uint64_t limit = timeouts.idle_ms;
  if (half && timeouts.fin_ms != 0) limit = timeouts.fin_ms;
  if (!session.connected) limit = timeouts.connect_ms;
  const uint64_t since = session.connected ? session.active_ms : session.connect_began_us / 1000;
  uint64_t due = limit == 0 ? kNever : since + limit;
  if (session.connected && session.wants_keepalive) due = std::min(due, session.began_ms + kKeepaliveAfterMs);
  if (due == kNever) {
    TimerWheel::disarm(session);
  } else {
    wheel_->arm(session, due);
  }
}

void Worker::on_timer(Session& session) {
  if (session.proxying) return end(session, SessionCounter::kRefusedProxyTimeout, false);
  if (session.peeking) return peek(session, true);
  if (session.waiting) return on_wait_timer(session);
  if (session.held) {
    release_held(session);
    return;
  }
  if (session.lingers) {
    pass_on_reset(session);
    return;
  }
  if (!session.connected) {
    const bool waits = session.side(Which::kBackend).fd < 0;
    return waits ? connect_again(session) : connect_failed(session, ETIMEDOUT);
  }
  if (session.wants_keepalive && now_ms_ >= session.began_ms + kKeepaliveAfterMs) {
    set_keepalive(session.side(Which::kBackend).fd, session.relay_pool().keepalive);
    session.wants_keepalive = false;
  }
  const SessionTimeouts& timeouts = session.relay_pool().timeouts;
  const bool half = session.side(Which::kClient).shut || session.side(Which::kBackend).shut;
  const bool fin = half && timeouts.fin_ms != 0;
  const uint64_t limit = fin ? timeouts.fin_ms : timeouts.idle_ms;
  if (limit == 0 || now_ms_ < session.active_ms + limit) {
    arm_timer(session);
    return;
  }
  end(session, fin ? SessionCounter::kEndFinTimeout : SessionCounter::kEndIdleTimeout, false);
}

}  // namespace limpet
