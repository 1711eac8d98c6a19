// What one affinity key may have: sessions at one time, and new ones a second.
#include <algorithm>

#include "pool.h"

namespace limpet {

namespace {

constexpr uint64_t kNsPerSecond = 1'000'000'000;
constexpr uint64_t kNsPerMs = 1'000'000;

}  // namespace

// Before anything else is taken. The claim first: a session that the key may not have costs it no token.
PickStatus Pool::admit_key(Thread& thread, Seat& seat, uint64_t now_ms) {
  // As place() has it, or what is claimed here would be given back elsewhere: a table of a file has that file's secret.
  seat.table_hash = table_ ? table_->hash(seat.key) : hash_key(seat.key, rules_.table_secret);
  if (const uint32_t most = sessions_per_key_.load(std::memory_order_relaxed); most != 0) {
    seat.claimed = live_.claim(seat.key, seat.table_hash, most);
    if (!seat.claimed) {
      count(thread, PoolCounter::kKeySessions);
      return PickStatus::kKeySessions;
    }
  }
  KeyRates* const rates = rates_.load(std::memory_order_seq_cst);
  if (!rates) return PickStatus::kOk;
  const KeyRates::Verdict verdict = rates->take(seat.key, seat.table_hash, now_ms);
  if (verdict == KeyRates::Verdict::kYesShared || verdict == KeyRates::Verdict::kNoShared) {
    count(thread, PoolCounter::kKeyRateShared);
  }
  if (verdict == KeyRates::Verdict::kYes || verdict == KeyRates::Verdict::kYesShared) return PickStatus::kOk;
  unclaim(seat);
  count(thread, PoolCounter::kKeyRate);
  return PickStatus::kKeyRate;
}

void Pool::unclaim(Seat& seat) {
  if (!seat.claimed) return;
  // Of the client's own key, whichever place of it the session went to.
  const AffinityKey key = seat.client_key();
  live_.unclaim(key, table_ ? table_->hash(key) : seat.table_hash);
  seat.claimed = false;
}

std::optional<uint64_t> Pool::admit(Thread& thread, const Seat& seat, uint64_t now_ms, uint64_t most_ms) {
  const uint32_t rate = this->admit_per_second();
  if (rate == 0) return 0;
  // A tenth of a second's worth at once.
  const uint64_t every_ns = kNsPerSecond / rate;
  const uint64_t slack_ns = (std::max(rate / 10, 1U) - 1) * every_ns;
  const auto wait_ns = seat.backend->take_turn(now_ms * kNsPerMs, every_ns, slack_ns, most_ms * kNsPerMs);
  if (!wait_ns) return std::nullopt;
  if (*wait_ns > 0) count(thread, PoolCounter::kHeld);
  return (*wait_ns + kNsPerMs - 1) / kNsPerMs;
}

bool Pool::serves_still(Seat& seat) const {
  const RosterEntry* const entry = roster().find(seat.backend->index, seat.backend->generation);
  seat.endpoint = entry ? entry->endpoint.get() : nullptr;
  return entry && entry->serves_pins();
}

}  // namespace limpet
