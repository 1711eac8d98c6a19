// A bound over several balancers. Each tells the others about once a second how many sessions it has on each backend;
// the bound counts what they have told as it counts its own: load = own + peers', in m as well as on each backend.
//
// However old or wrong that is, there is a seat. Candidates, m and W are as in assignment.cc, P their peers' sessions:
// sum(bounds) >= c · (m + 1) >= m + 1 > sum(own + P), so that some candidate's load is below its bound. It need not be
// one with few sessions of this pool's own, and one that the peers have filled alone gets none of its sessions. What is
// told of a backend that is no candidate here counts nowhere.
#include "pool.h"

namespace limpet {

// As sessions come and go: peer_seats_ is never below their sum over the backends, so that m is never below the sum of
// the loads. A pick that has read m before a change, and loads after it, may find no room, as when others were faster
// than it: it looks again (Assignment::settle).
void Pool::set_peers(Backend& backend, uint32_t sessions) {
  const uint32_t before = backend.peers();
  if (sessions > before) peer_seats_.fetch_add(sessions - before, std::memory_order_acq_rel);
  backend.set_peers(sessions);
  if (sessions < before) peer_seats_.fetch_sub(before - sessions, std::memory_order_acq_rel);
}

void Pool::set_peer_sessions(std::span<const uint32_t> by_index) {
  registry_->each_staged(
      [&](Backend& backend) { set_peers(backend, backend.index < by_index.size() ? by_index[backend.index] : 0); });
}

}  // namespace limpet
