// Clients behind a hot key are told apart by their ports, their whole addresses, or by something in their
// heads: only theirs are looked at.
#include "peek.h"
#include "worker.h"

namespace limpet {

void Worker::pick(Session& session, const AffinityKey& key) {
  const RelayPool& relay_pool = session.relay_pool();
  const Pool& pool = *relay_pool.pool;
  if (!pool.hot_keys()) return pick_by(session, key, 0);
  if (relay_pool.head.hot_by_address) return pick_by(session, key, pool.apart_by(session.client));
  if (relay_pool.head.hot_by.empty()) return pick_by(session, key, session.client.port);
  if (!pool.is_spread(key)) return pick_by(session, key, 0);
  session.seat.key = key;
  session.spreading = true;
  begin_peek(session);
}

// Whoever has nothing of that kind in its head is told apart by its port.
void Worker::tell_apart(Session& session, Bytes head, bool ended) {
  const auto& recipes = session.relay_pool().head.hot_by;
  const ProxyHeader* const proxy = session.proxied ? &session.proxied->header : nullptr;
  // What is learnt elsewhere is taken as it is here.
  const auto counts = [](HeadSource, std::string_view) { return true; };
  const HeadKey key = first_key(recipes, {head, ended, proxy}, peek_room_->scratch, counts);
  const Extraction& found = key.extraction;
  if (found.verdict == Verdict::kMore) return;
  session.peeking = false;
  session.spreading = false;
  TimerWheel::disarm(session);
  const bool has = found.verdict == Verdict::kFound;
  const Pool& pool = *session.relay_pool().pool;
  if (key.is_address) return pick_by(session, session.seat.key, pool.apart_by(session.client));
  pick_by(session, session.seat.key, has ? pool.key(bytes_of(found.key)).value : session.client.port);
}

void Worker::pick_by(Session& session, const AffinityKey& key, uint64_t by) {
  session.wait_until_ms = 0;
  dispatch(session, session.relay_pool().pool->pick(*epoch_, key, session.seat, now_ms_, true, by));
}

}  // namespace limpet
