// Who takes new clients, and the bounds, as they are shown. Not what picks compute: those judge by the picks under way
// besides.
#include <algorithm>

#include "pool.h"

namespace limpet {

namespace {

__extension__ using Wide = unsigned __int128;

bool candidate(const RosterEntry& entry) { return entry.eligible() && !entry.full(); }

// max(1, ceil(c · (m+1) · w / W))
uint64_t bound_of(uint64_t milli, uint64_t sessions, uint64_t share, uint64_t all_shares) {
  const Wide part = Wide{milli} * sessions * share;
  const Wide parts = Wide{1000} * all_shares;
  const Wide bound = (part + parts - 1) / parts;
  return bound > 1 ? static_cast<uint64_t>(bound) : 1;
}

}  // namespace

void Pool::each_candidate(FunctionRef<void(const Backend&, uint64_t)> visit) const {
  const uint32_t bound_milli = bound_milli_.load(std::memory_order_relaxed);
  uint64_t sessions = 1;
  uint64_t share = 0;
  for (const RosterEntry& entry : roster().entries) {
    if (!candidate(entry)) continue;
    sessions += entry.backend->load();
    share += entry.share();
  }
  for (const RosterEntry& entry : roster().entries) {
    // Of who became one since then: the share would be missing.
    if (share == 0 || !candidate(entry)) continue;
    if (bound_milli == 0) {
      visit(*entry.backend, kNoBound);
      continue;
    }
    const uint64_t bound = bound_of(bound_milli, sessions, entry.share(), share);
    visit(*entry.backend, bound - std::min<uint64_t>(bound, entry.backend->peers()));
  }
}

}  // namespace limpet
