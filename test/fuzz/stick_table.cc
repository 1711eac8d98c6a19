// The stick table against a map: a stream of operations on few keys in a small table. Input: ttl, start of the clock,
// size and secret, then operations.
#include <algorithm>

#include "input.h"
#include "support/tables.h"

using namespace limpet;
using namespace limpet::test;
using limpet::fuzz::Input;

namespace {

constexpr unsigned kKeys = 32;
constexpr uint64_t kWrapMs = (1ULL << 31) / 2 * 125;
// Documented: an entry that nobody looked for comes back to life after 4.2 years. No input is longer than three.
constexpr uint64_t kLongestMs = 3 * StickTable::kMaxTtlMs;
constexpr uint64_t kSkewMs = 9'500;  // threads' clocks may differ by 10 s, less what rounding takes
constexpr size_t kCandidates = 14;   // slots of both candidate buckets of a key

constexpr size_t kSizes[] = {1, 2, 5, 11, 12, 20, 30, 60};
constexpr uint64_t kTtls[] = {1, 200, 5'000, 60'000, 3'600'000, StickTable::kMaxTtlMs};
constexpr uint64_t kStarts[] = {1'000'000, kWrapMs - 20'000, 5 * kWrapMs - 3'000'000, 0};
constexpr uint16_t kBackends[] = {0, 1, 2, 3, kMaxPinBackend - 1, kMaxPinBackend};
constexpr uint16_t kPinGenerations[] = {0, 1, 2, kGenerations - 1};

using Found = std::optional<StickTable::Found>;

// What the table may know of a key.
struct Expected {
  std::optional<Pin> pin;  // none: it must not be found
  uint64_t at_ms = 0;      // when its ttl began
  unsigned visits = 0;     // as stored: not aged
  unsigned held = 0;       // live sessions
};

bool same(const Pin& a, const Pin& b) {
  return a.same_backend(b) && a.away == b.away && a.provisional == b.provisional;
}

class Player {
 public:
  explicit Player(Input& input)
      : input_(input),
        ttl_(input.one_of(kTtls)),
        now_(input.one_of(kStarts)),
        last_(now_ + kLongestMs),
        table_(input.one_of(kSizes), ttl_, input.byte()) {}

  void play() {
    while (!input_.ended()) {
      const unsigned i = input_.below(kKeys);
      step(i);
      look(i);
      if (++steps_ % 8 == 0) check_all();
    }
    check_all();
    for (unsigned i = 0; i < kKeys; i++) {
      for (; keys_[i].held > 0; keys_[i].held--) table_.let_go(key(i));
      EXPECT(!table_.live.any(key(i), table_.table.hash(key(i))));
    }
  }

 private:
  static AffinityKey key(unsigned i) { return {mix64(i / 3), static_cast<KeyKind>(1 + i % 3)}; }
  bool surely_alive(const Expected& one) const { return one.pin && (one.held > 0 || now_ <= one.at_ms + ttl_); }
  bool surely_past(const Expected& one) const { return one.held == 0 && now_ >= one.at_ms + ttl_ + kTtlSlackMs; }
  Found find(unsigned i) const { return table_.find(key(i), now_); }
  unsigned aged(unsigned i) const {
    const Found found = find(i);
    return found ? found->visits : 0;
  }

  void step(unsigned i) {
    const unsigned operation = input_.below(16);
    Expected& one = keys_[i];
    if (operation < 6) {
      store(i);
    } else if (operation < 8) {
      refresh(i, operation == 6);
    } else if (operation < 10) {
      hold(i);
    } else if (operation == 10 && one.held > 0) {
      table_.let_go(key(i));
      one.held--;
    } else if (operation == 11) {
      table_.erase(key(i));
      one.pin.reset();
    } else if (operation == 12) {
      const uint16_t backend = input_.one_of(kBackends);
      table_.table.forget_backend(backend);
      for (Expected& each : keys_) each.pin = each.pin && each.pin->backend == backend ? std::nullopt : each.pin;
    } else if (operation == 13 && i == 0) {
      table_.table.clear();
      for (Expected& each : keys_) each.pin.reset();
    } else {
      const uint64_t part = input_.byte();
      now_ = std::min(now_ + (operation == 15 ? ttl_ * part / 128 : part), last_);
    }
  }

  // Keeps what is there, also what had expired, but was not dropped yet.
  void hold(unsigned i) {
    const bool was_alive = surely_alive(keys_[i]);
    table_.hold(key(i));
    keys_[i].held++;
    if (!was_alive && !find(i)) keys_[i].pin.reset();
  }

  void store(unsigned i) {
    const uint8_t bits = input_.byte();
    const Pin pin{input_.one_of(kBackends), input_.one_of(kPinGenerations), (bits & 1) != 0, (bits & 2) != 0};
    const unsigned visit = bits >> 2 & 1;
    Expected& one = keys_[i];
    const bool was_alive = surely_alive(one);
    std::array<unsigned, kKeys> before{};
    for (unsigned k = 0; k < kKeys; k++) before[k] = keys_[k].pin ? aged(k) : 0;
    const Stored stored = table_.store(key(i), pin, now_, visit != 0);
    EXPECT(!was_alive || (stored == Stored::kFree && aged(i) == std::min(before[i] + visit, 3U)));
    one = {stored == Stored::kRejected ? std::nullopt : std::optional(pin), now_, aged(i), one.held};
    if (stored != Stored::kFree && stored != Stored::kEvictedExpired) judge_victim(stored, i, before);
  }

  // At most one entry went, and it was one that could: not in use, not of late visits, of the kind that was said. Where
  // all keys have the same candidates, nobody is left who should have gone before it.
  void judge_victim(Stored stored, unsigned newcomer, const std::array<unsigned, kKeys>& before) {
    EXPECT(table_.table.entries() >= std::min(table_.table.size(), kCandidates));
    unsigned victims = 0;
    for (unsigned i = 0; i < kKeys; i++) {
      Expected& one = keys_[i];
      if (i == newcomer || !one.pin) continue;
      Stored rank = before[i] > 0 ? Stored::kRejected : Stored::kEvictedAged;
      if (one.visits == 0) rank = one.pin->away ? Stored::kEvictedAway : Stored::kEvictedHome;
      if (find(i)) {
        EXPECT(one.held > 0 || stored <= rank || table_.table.buckets() > 2);
      } else if (surely_alive(one)) {
        EXPECT(one.held == 0 && stored == rank && stored != Stored::kRejected);
        victims++;
        one.pin.reset();
      }
    }
    EXPECT(victims <= 1);
  }

  // Revives what has expired and is still in its slot.
  void refresh(unsigned i, bool visit) {
    Expected& one = keys_[i];
    const bool was_there = find(i).has_value();
    const unsigned visits = visit ? std::min(aged(i) + 1, 3U) : one.visits;
    if (visit) {
      table_.visit(key(i), now_);
    } else {
      const auto pin = table_.table.refresh(key(i), table_.table.hash(key(i)), now_);
      EXPECT(pin ? one.pin && same(*pin, *one.pin) : !was_there);
    }
    if (!find(i)) return;
    one.at_ms = now_;
    one.visits = visits;
  }

  bool look(unsigned i) const {
    const Expected& one = keys_[i];
    const Found found = find(i);
    EXPECT_EQUAL(table_.live.count(key(i), table_.table.hash(key(i))), one.held);
    EXPECT(!surely_alive(one) || (found && table_.find(key(i), now_ - std::min(now_, kSkewMs))));
    if (!found) return false;
    EXPECT(one.pin && same(found->pin, *one.pin) && !surely_past(one));
    EXPECT(found->visits <= one.visits);
    if (found->expires_in_ms < 0) EXPECT(one.held > 0 && now_ > one.at_ms + ttl_);
    EXPECT(found->expires_in_ms <= static_cast<int64_t>(ttl_ + kTtlSlackMs));
    return true;
  }

  void check_all() const {
    size_t found = 0;
    for (unsigned i = 0; i < kKeys; i++) found += look(i);
    const auto listed = table_.list(3, now_);
    EXPECT_EQUAL(listed.size(), found);
    EXPECT(found <= table_.table.entries() && table_.table.entries() <= table_.table.size());
    for (const StickTable::Listed& one : listed) EXPECT(same(one.found.pin, table_.find(one.key, now_)->pin));
  }

  Input& input_;
  const uint64_t ttl_;
  uint64_t now_;
  const uint64_t last_;
  Table table_;
  unsigned steps_ = 0;
  std::array<Expected, kKeys> keys_{};
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Input input(data, size);
  Player(input).play();
  return 0;
}
