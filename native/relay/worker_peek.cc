// Pools that are chosen by the head of a connection, and keys that lie in it. Sessions wait for it without a backend
// and without a seat.
#include "head_choice.h"
#include "peek.h"
#include "worker.h"

namespace limpet {

void Worker::begin_peek(Session& session) {
  if (!peek_room_) peek_room_ = std::make_unique<PeekRoom>();
  session.peeking = true;
  // All looks have their time together.
  if (session.wait_until_ms == 0) session.wait_until_ms = now_ms_ + session.listener->peek.timeout_ms;
  wheel_->arm(session, session.wait_until_ms);
  // The head may have come with the handshake, or with the hand-over: nothing would be reported then.
  peek(session, false);
}

void Worker::stop_peeking(Session& session) {
  session.peeking = false;
  TimerWheel::disarm(session);
}

// Edge-triggered epoll tells of every segment that comes, also while those before it lie unread. One look serves both:
// what chose the pool may have its key, too.
void Worker::peek(Session& session, bool late) {
  const Side& client = session.side(Which::kClient);
  const size_t limit = session.listener->peek.bytes;
  const auto head = peek_head(client, limit, *peek_room_);
  if (!head) return end(session, SessionCounter::kEndClientGone, false);
  const bool full = head->size() >= limit;
  const bool ended = late || full || client.finished;
  if (session.spreading) return tell_apart(session, *head, ended);
  if (session.unrouted && route(session, *head, ended) != Verdict::kFound) return;
  const RelayPool& relay_pool = session.relay_pool();
  if (relay_pool.head.recipes.empty()) {
    stop_peeking(session);
    return pick(session, relay_pool.pool->key(session.client));
  }
  switch (refuse_encryption(session, *head)) {
    case Asked::kNothing:
      break;
    case Asked::kPerhaps:
      if (!ended) return;
      break;
    case Asked::kAnswered:  // each kind once
      return peek(session, late);
    case Asked::kGone:
      return end(session, SessionCounter::kEndClientGone, false);
  }
  const ProxyHeader* const proxy = session.proxied ? &session.proxied->header : nullptr;
  const SeenHead seen{*head, ended, proxy};
  const HeadChoice choice = choose(*relay_pool.pool, relay_pool.head.recipes, seen, peek_room_->scratch, now_ms_);
  const HeadKey& key = choice.key;
  if (key.extraction.verdict == Verdict::kMore) return;
  stop_peeking(session);
  session.seat.named = choice.named;
  if (key.extraction.verdict == Verdict::kFound) {
    count(SessionCounter::kKeyFound);
    if (key.is_address) return pick(session, relay_pool.pool->key(session.client));
    return pick(session, relay_pool.pool->key(bytes_of(key.extraction.key)));
  }
  if (choice.named) return pick_named(session);
  if (key.cut_short && full) return pick_without_key(session, SessionCounter::kKeyTooFar);
  pick_without_key(session, key.cut_short && late ? SessionCounter::kKeyLate : SessionCounter::kKeyMissing);
}

// It has no key. Where the backend that it names cannot be followed, it is not refused: it did say who it is.
void Worker::pick_named(Session& session) {
  count(SessionCounter::kKeyFound);
  const RelayPool& relay_pool = session.relay_pool();
  const bool by_source = relay_pool.head.fallback == KeyFallback::kSource;
  pick(session, by_source ? relay_pool.pool->key(session.client) : AffinityKey{});
}

void Worker::pick_without_key(Session& session, SessionCounter cause) {
  count(cause);
  const RelayPool& relay_pool = session.relay_pool();
  switch (relay_pool.head.fallback) {
    case KeyFallback::kSource:
      return pick(session, relay_pool.pool->key(session.client));
    case KeyFallback::kRandom:
      return pick(session, AffinityKey{});
    case KeyFallback::kRefuse:
      return end(session, SessionCounter::kRefusedNoKey, false);
  }
}

}  // namespace limpet
