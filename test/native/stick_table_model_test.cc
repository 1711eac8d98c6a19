// The stick table against a map: random operations, a random clock, and live sessions.
#include <algorithm>
#include <unordered_map>

#include "support/tables.h"
#include "support/test.h"

using namespace limpet;
using namespace limpet::test;

namespace {

constexpr uint64_t kWrapMs = (1ULL << 31) / 2 * 125;

struct Expected {
  Pin pin;
  uint64_t at_ms;  // when its ttl began
  uint32_t held = 0;
  bool stored = false;
};

class Player {
 public:
  Player(uint64_t stream, size_t size, uint64_t ttl_ms, uint64_t start_ms)
      : random_(stream), table_(size, ttl_ms, stream), ttl_(ttl_ms), now_(start_ms), keys_(size * 3) {}

  void play(uint64_t operations) {
    for (uint64_t i = 0; i < operations && failures == 0; i++) {
      step();
      if (table_.table.entries() > table_.table.size()) FAIL("past its size");
    }
    for (size_t number = 0; number < keys_.size(); number++) look(number);
    CHECK(lost_ <= evicted_);
    CHECK(hits_ > 0);
  }

 private:
  AffinityKey key(size_t number) const { return {mix64(number), number % 2 == 0 ? KeyKind::kIpv6 : KeyKind::kHashed}; }
  bool surely_alive(const Expected& one) const { return one.stored && (one.held > 0 || now_ <= one.at_ms + ttl_); }
  bool surely_dead(const Expected& one) const {
    return !one.stored || (one.held == 0 && now_ >= one.at_ms + ttl_ + kTtlSlackMs);
  }

  void step() {
    const size_t number = random_.below(keys_.size());
    const uint64_t dice = random_.below(1000);
    if (dice < 400) {
      look(number);
    } else if (dice < 650) {
      store(number);
    } else if (dice < 780) {
      refresh(number);
    } else if (dice < 830) {
      erase(number);
    } else if (dice < 880) {
      hold(number);
    } else if (dice < 940) {
      let_go();
    } else if (dice < 998) {
      now_ += random_.below(200);
    } else {
      leap();
    }
  }

  // The answer of the table, judged.
  void look(size_t number) {
    Expected& one = keys_[number];
    const auto found = random_.chance(50) ? table_.find(key(number), now_) : table_.find_locked(key(number), now_);
    if (!found) {
      if (one.held > 0 && one.stored) FAIL("an entry with a live session is gone");
      if (surely_alive(one)) lost_++;
      if (lost_ > evicted_) FAIL("an entry is gone that nothing displaced");
      if (one.held == 0) one.stored = false;
      return;
    }
    hits_++;
    if (surely_dead(one)) FAIL("an entry was returned that expired, or was never there");
    if (found->pin.backend != one.pin.backend || found->pin.generation != one.pin.generation ||
        found->pin.away != one.pin.away || found->pin.provisional != one.pin.provisional) {
      FAIL("wrong pin");
    }
  }

  void store(size_t number) {
    Expected& one = keys_[number];
    const Pin pin{static_cast<uint16_t>(random_.below(kMaxPinBackend + 1)),
                  static_cast<uint16_t>(random_.below(kGenerations)), random_.chance(50), random_.chance(50)};
    const bool was_held = one.held > 0 && one.stored;
    const Stored stored = table_.store(key(number), pin, now_, random_.chance(50));
    if (was_held && stored != Stored::kFree) FAIL("an entry with a live session was not replaced in place");
    if (stored == Stored::kEvictedHome || stored == Stored::kEvictedAway || stored == Stored::kEvictedAged) evicted_++;
    if (stored == Stored::kRejected && surely_alive(one)) lost_++;
    one.stored = stored != Stored::kRejected;
    one.pin = pin;
    one.at_ms = now_;
  }

  void refresh(size_t number) {
    look(number);
    Expected& one = keys_[number];
    // Whether it is still there is only known of those that cannot have been displaced.
    const bool there = table_.find(key(number), now_).has_value();
    if (random_.chance(50)) {
      table_.visit(key(number), now_);
    } else {
      table_.refresh(key(number), now_);
    }
    if (there) {
      one.at_ms = now_;
    } else if (one.held == 0) {
      erase(number);  // what had expired may have been revived: the pool never does that without a session
    }
  }

  void erase(size_t number) {
    table_.erase(key(number));
    if (table_.find(key(number), now_)) FAIL("it was erased");
    keys_[number].stored = false;
  }

  void hold(size_t number) {
    look(number);
    Expected& one = keys_[number];
    if (held_.size() > keys_.size() / 10) return;
    // A live session keeps what is there, also what had expired before it came, but not what is not there.
    table_.hold(key(number));
    one.held++;
    held_.push_back(number);
    const auto found = table_.find(key(number), now_);
    one.stored = found.has_value();
    if (found) one.pin = found->pin;
  }

  void let_go() {
    if (held_.empty()) return;
    std::swap(held_[random_.below(held_.size())], held_.back());
    Expected& one = keys_[held_.back()];
    if (one.stored && random_.chance(80)) {
      table_.refresh(key(held_.back()), now_);
      one.at_ms = now_;
    }
    table_.let_go(key(held_.back()));
    one.held--;
    held_.pop_back();
  }

  void leap() {
    const uint64_t kind = random_.below(10);
    if (kind < 6) now_ += random_.below(ttl_ / 2 + 1);
    if (kind >= 6 && kind < 9) now_ += random_.between(ttl_, 2 * ttl_);
    if (kind == 9 && leaps_ < 50) {
      leaps_++;
      now_ += random_.below(1'000'000'000);  // 11 days; all of them together are no full turn of the slots' clock
    }
  }

  Random random_;
  Table table_;
  const uint64_t ttl_;
  uint64_t now_;
  std::vector<Expected> keys_;
  std::vector<size_t> held_;
  uint64_t evicted_ = 0;
  uint64_t lost_ = 0;
  uint64_t hits_ = 0;
  uint64_t leaps_ = 0;
};

}  // namespace

TEST("random operations: no wrong backend, nothing expired, nothing lost that was not displaced") {
  Player(1, 2'000, 30'000, 1'000'000).play(rounds(500'000, 5'000'000));
}

TEST("random operations on a tiny table") { Player(2, 11, 5'000, 1'000'000).play(rounds(200'000, 2'000'000)); }

TEST("random operations across the wrap of the clock") {
  Player(3, 500, 30'000, kWrapMs - 20'000).play(rounds(150'000, 1'500'000));
  Player(4, 500, 600'000, 5 * kWrapMs - 1'000'000).play(rounds(150'000, 1'500'000));
}

TEST("random operations with a ttl below a tick") { Player(5, 300, 1, 1'000'000).play(rounds(100'000, 1'000'000)); }

TEST_MAIN
