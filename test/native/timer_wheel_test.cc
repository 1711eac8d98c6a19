// The timing wheel against a list of what is armed.
#include "relay/timer_wheel.h"

#include <algorithm>
#include <map>
#include <memory>
#include <set>

#include "support/random.h"
#include "support/test.h"

using namespace limpet;
using namespace limpet::test;

namespace {

constexpr uint64_t kTick = TimerWheel::kTickMs;
constexpr uint64_t kLongest = 60'000;
constexpr uint64_t kYear = 365ULL * 24 * 3'600'000;

struct Timer : TimerNode {
  uint64_t due_ms = 0;
};

// Many timers on one wheel, judged as the time goes by.
class Bench {
 public:
  Bench(uint64_t stream, size_t count, uint64_t start_ms)
      : random_(stream), timers_(count), now_(start_ms), wheel_(start_ms) {}

  void arm(size_t number, uint64_t delay_ms) {
    Timer& timer = timers_[number];
    disarm(number);
    timer.due_ms = now_ + delay_ms;
    wheel_.arm(timer, timer.due_ms);
    armed_.insert({timer.due_ms, number});
  }
  void disarm(size_t number) {
    Timer& timer = timers_[number];
    CHECK_EQUAL(timer.armed(), armed_.erase({timer.due_ms, number}) == 1);
    TimerWheel::disarm(timer);
  }
  void poll() {
    while (auto* timer = static_cast<Timer*>(wheel_.expire(now_))) {
      fired++;
      CHECK(!timer->armed());
      CHECK(timer->due_ms <= now_);  // never early
      CHECK_EQUAL(armed_.erase({timer->due_ms, static_cast<size_t>(timer - timers_.data())}), size_t{1});
    }
    // A poll finds all that are due by a tick.
    if (!armed_.empty()) CHECK(armed_.begin()->first + kTick > now_);
  }
  // Judges the wait that the wheel wants, and returns it. After a poll there is something to wait for.
  uint64_t wait() {
    const uint64_t wait = wheel_.wait_ms(now_, kLongest);
    CHECK(wait <= kLongest);
    if (!armed_.empty()) CHECK(now_ + wait < armed_.begin()->first + kTick);
    if (wait == 0) idle_turns++;
    return wait;
  }
  void advance(uint64_t ms) { now_ += ms; }
  size_t armed() const { return armed_.size(); }
  size_t size() const { return timers_.size(); }
  uint64_t now() const { return now_; }
  Random& random() { return random_; }

  uint64_t fired = 0;
  uint64_t idle_turns = 0;  // waits of 0 ms right after a poll: the loop would spin

 private:
  Random random_;
  std::vector<Timer> timers_;
  std::set<std::pair<uint64_t, size_t>> armed_;
  uint64_t now_;
  TimerWheel wheel_;
};

// Delays of every size that the wheel's levels tell apart.
uint64_t random_delay(Random& random, unsigned bits) { return random.next() & ((1ULL << random.between(1, bits)) - 1); }

void random_life(uint64_t stream, unsigned delay_bits, unsigned step_bits, uint64_t steps) {
  Bench bench(stream, 60, 123'456'789 + stream * 12'345);
  for (uint64_t step = 0; step < steps; step++) {
    const uint64_t changes = bench.random().below(4);
    for (uint64_t i = 0; i < changes; i++) {
      const size_t number = bench.random().below(bench.size());
      if (bench.random().chance(75)) {
        bench.arm(number, random_delay(bench.random(), delay_bits));
      } else {
        bench.disarm(number);
      }
    }
    bench.wait();
    bench.advance(bench.random().chance(20) ? 0 : random_delay(bench.random(), step_bits));
    bench.poll();
  }
  CHECK(bench.fired > 0);
}

}  // namespace

TEST("random timers of up to a second, in small steps") {
  for (uint64_t stream = 0; stream < 4; stream++) random_life(stream, 10, 6, rounds(20'000, 500'000));
}

TEST("random timers of up to four minutes") {
  for (uint64_t stream = 0; stream < 4; stream++) random_life(10 + stream, 18, 12, rounds(10'000, 200'000));
}

TEST("random timers of up to a day, in steps of up to a minute") {
  for (uint64_t stream = 0; stream < 2; stream++) random_life(20 + stream, 26, 16, rounds(2'000, 50'000));
}

TEST("a loop that sleeps as it is told: no timer is late, and it never spins") {
  for (uint64_t stream = 0; stream < rounds(6, 60); stream++) {
    Bench bench(30 + stream, 100, 1'000'000 + stream * 7);
    const auto bits = static_cast<unsigned>(6 + stream % 3 * 6);
    for (uint64_t step = 0; step < rounds(4'000, 20'000); step++) {
      for (size_t i = bench.random().below(3); i > 0; i--) {
        const size_t number = bench.random().below(bench.size());
        if (bench.random().chance(40)) {
          bench.disarm(number);
        } else {
          bench.arm(number, kTick + random_delay(bench.random(), bits));
        }
      }
      // Other events wake the loop before its time.
      const uint64_t wait = bench.wait();
      bench.advance(bench.random().chance(50) ? wait : bench.random().below(wait + 1));
      bench.poll();
    }
    // Right after a poll nothing is due before the next tick.
    bench.poll();
    bench.idle_turns = 0;
    while (bench.armed() > 0 && bench.idle_turns == 0) {
      bench.advance(bench.wait());
      bench.poll();
    }
    CHECK_EQUAL(bench.idle_turns, uint64_t{0});
  }
}

TEST("a timer one turn of a level ahead hides no earlier one") {
  // Both lie on the second level; the far one is in the slot that the wheel has just entered.
  for (uint64_t level = 1; level <= 2; level++) {
    const uint64_t turn = kTick << (6 * (level + 1));
    for (uint64_t into = kTick; into < kTick << (6 * level); into = into * 3 + kTick) {
      TimerWheel wheel(turn * 100);
      const uint64_t now = turn * 100 + into;
      wheel.expire(now);
      Timer far;
      wheel.arm(far, now + turn - kTick);
      Timer near;
      const uint64_t due = now + (kTick << (6 * level)) * 5;
      wheel.arm(near, due);
      CHECK(now + wheel.wait_ms(now, UINT32_MAX) < due + kTick);
    }
  }
}

TEST("disarmed timers do not make the loop spin") {
  TimerWheel wheel(0);
  Timer timer;
  Timer far;
  wheel.arm(far, 10'000);
  uint64_t now = 0;
  for (uint64_t due = kTick; due < 2'000; due += kTick) {
    wheel.arm(timer, due);
    TimerWheel::disarm(timer);
  }
  uint64_t turns = 0;
  while (!wheel.expire(now)) {
    const uint64_t wait = wheel.wait_ms(now, kLongest);
    CHECK(wait > 0);
    now += wait > 0 ? wait : 1;
    turns++;
  }
  CHECK_WITHIN(now, uint64_t{10'000}, 10'000 + kTick);
  CHECK(turns < 600);
}

TEST("what is already due fires at the next poll") {
  TimerWheel wheel(10'003);
  Timer timer;
  for (const uint64_t due : {uint64_t{0}, uint64_t{9'000}, uint64_t{10'000}}) {
    wheel.arm(timer, due);
    CHECK_EQUAL(wheel.wait_ms(10'003, kLongest), uint64_t{0});
    CHECK(wheel.expire(10'003) == &timer);
    CHECK(wheel.expire(10'003) == nullptr);
  }
}

TEST("arming again moves a timer") {
  TimerWheel wheel(0);
  Timer timer;
  wheel.arm(timer, 100);
  wheel.arm(timer, 50'000);
  CHECK(wheel.expire(49'999) == nullptr);
  CHECK(wheel.expire(50'000) == &timer);
  wheel.arm(timer, 100'000);
  wheel.arm(timer, 60'000);
  CHECK(wheel.expire(60'003) == &timer);
  CHECK(wheel.expire(200'000) == nullptr);
}

TEST("a timer that fires may arm itself and others while the wheel is polled") {
  TimerWheel wheel(0);
  Timer one;
  Timer two;
  wheel.arm(one, 8);
  unsigned fired = 0;
  while (TimerNode* node = wheel.expire(1'000)) {
    fired++;
    if (fired == 1) wheel.arm(two, 900);  // due, too
    if (fired == 2) wheel.arm(*node, 2'000);
  }
  CHECK_EQUAL(fired, 2U);
  CHECK(two.armed() && !one.armed());
  CHECK(wheel.expire(2'000) == &two);
}

TEST("disarming what is not armed does nothing") {
  TimerWheel wheel(0);
  Timer timer;
  TimerWheel::disarm(timer);
  CHECK(!timer.armed());
  wheel.arm(timer, 40);
  TimerWheel::disarm(timer);
  TimerWheel::disarm(timer);
  CHECK(wheel.expire(1'000) == nullptr);
}

TEST("an empty wheel waits as long as it may") {
  TimerWheel wheel(77);
  CHECK_EQUAL(wheel.wait_ms(77, kLongest), kLongest);
  CHECK(wheel.expire(1'000'000) == nullptr);
  CHECK_EQUAL(wheel.wait_ms(1'000'000, 5), uint64_t{5});
}

TEST("years ahead is far, not soon") {
  TimerWheel wheel(1'000);
  Timer timer;
  for (const uint64_t due : {kYear, 8 * kYear, UINT64_MAX - 10}) {
    wheel.arm(timer, due);
    CHECK(wheel.expire(1'000) == nullptr);
    CHECK_EQUAL(wheel.wait_ms(1'000, kLongest), kLongest);
    TimerWheel::disarm(timer);
  }
}

TEST_MAIN
