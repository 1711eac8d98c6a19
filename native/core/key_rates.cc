#include "key_rates.h"

#include <algorithm>
#include <mutex>

namespace limpet {

namespace {

constexpr uint64_t kNsPerSecond = 1'000'000'000;
constexpr uint64_t kNsPerMs = 1'000'000;

}  // namespace

KeyRates::KeyRates(uint32_t per_second, uint32_t burst, size_t lines)
    : token_ns_(kNsPerSecond / per_second),
      slack_ns_((burst - 1) * token_ns_),
      mask_(lines - 1),
      lines_(std::make_unique<Line[]>(lines)) {}

bool KeyRates::take_from(uint64_t& full_ns, uint64_t now_ns) const {
  const uint64_t from = std::max(full_ns, now_ns);
  if (from - now_ns > slack_ns_) return false;
  full_ns = from + token_ns_;
  return true;
}

KeyRates::Verdict KeyRates::take(const AffinityKey& key, uint64_t hash, uint64_t now_ms) {
  const uint64_t now_ns = now_ms * kNsPerMs;
  Line& line = lines_[hash & mask_];
  const std::lock_guard lock(line.lock);
  size_t at = kCells;
  for (size_t i = 0; i < kCells; i++) {
    if (line.cells[i].full_ns <= now_ns) {
      at = std::min(at, i);
    } else if (line.cells[i].key == key.value && line.kinds[i] == key.kind) {
      at = i;
      break;
    }
  }
  if (at == kCells) return take_from(line.shared_full_ns, now_ns) ? Verdict::kYesShared : Verdict::kNoShared;
  line.cells[at].key = key.value;
  line.kinds[at] = key.kind;
  return take_from(line.cells[at].full_ns, now_ns) ? Verdict::kYes : Verdict::kNo;
}

}  // namespace limpet
