// Listeners that serve several pools: which one a client is for.
#include <utility>

#include "connector.h"
#include "destination.h"
#include "peek.h"
#include "worker.h"

namespace limpet {

// Its pool is to be chosen, by what is known already or by its head.
void Worker::begin_route(Session& session) {
  const RouteRules& rules = *session.listener->routes->rules;
  // Whatever else knows where the client wanted to go, like a header before its first bytes, is to be asked here.
  if (rules.asks_for_port()) session.port = destination_port(session.side(Which::kClient).fd);
  if (rules.asks_for_head()) return begin_peek(session);
  if (!peek_room_) peek_room_ = std::make_unique<PeekRoom>();
  if (route(session, {}, true) == Verdict::kFound) begin_pool(session);
}

// kFound: the session has its pool. kMissing: there is none for it, and it has ended. kMore: its head is waited for.
Verdict Worker::route(Session& session, Bytes head, bool ended) {
  const RelayRoutes& routes = *session.listener->routes;
  const RouteChoice choice = routes.rules->choose(head, ended, session.port, peek_room_->scratch);
  if (choice.verdict == Verdict::kFound) {
    RelayPool* const pool = routes.pools[choice.place];
    // Its socket has the keepalive of the listener's pool.
    const bool differs = pool->keepalive != std::exchange(session.pool, pool)->keepalive;
    if (differs && session.client.family != ClientAddress::Family::kUnix) {
      change_keepalive(session.side(Which::kClient).fd, pool->keepalive);
    }
    session.unrouted = false;
  } else if (choice.verdict == Verdict::kMissing) {
    end(session, SessionCounter::kRefusedNoRoute, false);
  }
  return choice.verdict;
}

}  // namespace limpet
