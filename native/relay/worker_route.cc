// Listeners that serve several pools: which one a client is for.
#include <utility>

#include "connector.h"
#include "destination.h"
#include "peek.h"
#include "worker.h"

namespace limpet {

namespace {

// The port that the client came to: that of the PROXY header, where it names one. To a unix socket: none. As
// destinationPort() in src/relay/arrival/route.ts.
uint16_t port_that_it_came_to(Session& session) {
  if (session.proxied) {
    const ClientAddress& destination = session.proxied->header.destination;
    if (destination.family != ClientAddress::Family::kNone) return destination.port;
  }
  return destination_port(session.side(Which::kClient).fd);
}

// Whoever is at the other end of its socket: the client, or its proxy.
const ClientAddress& peer_of(const Session& session) {
  return session.proxied ? session.proxied->peer : session.client;
}

}  // namespace

// Its pool is to be chosen, by what is known already or by its head.
void Worker::begin_route(Session& session) {
  const RouteRules& rules = *session.listener->routes->rules;
  if (rules.asks_for_port()) session.port = port_that_it_came_to(session);
  if (rules.asks_for_head()) return begin_peek(session);
  if (!peek_room_) peek_room_ = std::make_unique<PeekRoom>();
  if (route(session, {}, true) == Verdict::kFound) find_key(session);
}

// kFound: the session has its pool. kMissing: there is none for it, and it has ended. kMore: its head is waited for.
Verdict Worker::route(Session& session, Bytes head, bool ended) {
  const RelayRoutes& routes = *session.listener->routes;
  const RouteChoice choice = routes.rules->choose(head, ended, session.port, peek_room_->scratch);
  if (choice.verdict == Verdict::kFound) {
    RelayPool* const pool = routes.pools[choice.place];
    // Its socket has the keepalive of the listener's pool.
    const bool differs = pool->keepalive != std::exchange(session.pool, pool)->keepalive;
    if (differs && peer_of(session).family != ClientAddress::Family::kUnix) {
      change_keepalive(session.side(Which::kClient).fd, pool->keepalive);
    }
    session.unrouted = false;
  } else if (choice.verdict == Verdict::kMissing) {
    end(session, SessionCounter::kRefusedNoRoute, false);
  }
  return choice.verdict;
}

}  // namespace limpet
