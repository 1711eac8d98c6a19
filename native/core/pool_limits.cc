// What one affinity key may have: sessions at one time, and new ones a second.
#include "pool.h"

namespace limpet {

// Before anything else is taken. The claim first: a session that the key may not have costs it no token.
PickStatus Pool::admit_key(Thread& thread, Seat& seat, uint64_t now_ms) {
  seat.table_hash = hash_key(seat.key, rules_.table_secret);
  if (const uint32_t most = rules_.limits.sessions; most != 0) {
    seat.claimed = live_.claim(seat.key, seat.table_hash, most);
    if (!seat.claimed) {
      count(thread, PoolCounter::kKeySessions);
      return PickStatus::kKeySessions;
    }
  }
  if (!rates_) return PickStatus::kOk;
  const KeyRates::Verdict verdict = rates_->take(seat.key, seat.table_hash, now_ms);
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
  live_.unclaim(seat.key, seat.table_hash);
  seat.claimed = false;
}

}  // namespace limpet
