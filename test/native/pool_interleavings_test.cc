// Parallel sessions of one key, in every order of their steps, and many more at random: when none of them gets through,
// the pin is what it was before; when some do, it is confirmed where one of them is.
#include <set>

#include "support/five_pool.h"

using namespace limpet;
using namespace limpet::test;

namespace {

constexpr unsigned kTries = 3;  // connects of a session
constexpr unsigned kSteps = kTries + 1;

enum class Before { kNothing, kConfirmed, kConfirmedButDown };

constexpr Before kAll[] = {Before::kNothing, Before::kConfirmed, Before::kConfirmedButDown};
// Of a pin that was confirmed elsewhere, sessions are on their way home besides.
constexpr ReturnHome kRules[] = {ReturnHome::kNever, ReturnHome::kNextConnect, ReturnHome::kAfterIdle};

struct Prepared : Five {
  Prepared(Before before, ReturnHome rule) : Five(0, rule) {
    if (before == Before::kNothing) return;
    pin_to_second();
    wanted = nth(1);
    if (before == Before::kConfirmed) return;
    set(nth(1), 1, 0, BackendState::kDown);
    pool.publish();
  }
  std::string wanted;
};

// One step of a session all of whose connects fail: pick, then fail and pick again, then give up.
void step(Prepared& pool, Seat& seat, unsigned number, bool local) {
  if (number == 0) {
    CHECK_EQUAL(pool.pick(1, seat), PickStatus::kOk);
  } else if (number < kTries) {
    if (seat.backend) pool.redispatch(seat, local);
  } else {
    pool.release(seat, true);
  }
}

// Bit i of `order`: whose turn step i is. `local`: bits of failures of the host's own making.
void run(Before before, ReturnHome rule, unsigned order, unsigned local) {
  Prepared pool(before, rule);
  Seat seats[2];
  unsigned done[2] = {};
  for (unsigned i = 0; i < 2 * kSteps; i++) {
    const unsigned who = order >> i & 1;
    step(pool, seats[who], done[who]++, (local >> i & 1) != 0);
  }
  CHECK_EQUAL(pool.pin(1), pool.wanted);
  pool.check_empty();
}

bool fair(unsigned order) { return __builtin_popcount(order) == kSteps; }

}  // namespace

TEST("two sessions, every order of their steps, every connect fails: the pin is what it was") {
  for (const Before before : kAll) {
    for (unsigned order = 0; order < 1U << (2 * kSteps); order++) {
      for (const ReturnHome rule : kRules) {
        if (fair(order)) run(before, rule, order, 0);
      }
    }
  }
}

TEST("two sessions, every order of their steps, failures of this host among them: the pin is what it was") {
  Random random(3);
  for (const Before before : kAll) {
    for (unsigned order = 0; order < 1U << (2 * kSteps); order++) {
      for (uint64_t i = 0; fair(order) && i < rounds(8, 256); i++) {
        run(before, kRules[i % 3], order, static_cast<unsigned>(random.below(1U << (2 * kSteps))));
      }
    }
  }
}

namespace {

struct Client {
  Seat seat;
  unsigned done = 0;
  bool held = false;
  bool confirmed = false;
};

// Four sessions at a time in random order; a connect succeeds on `up` only. Then all leave.
void run_random(Random& random, Before before, ReturnHome rule, bool nothing_up) {
  Prepared pool(before, rule);
  const std::string up = nothing_up ? "" : pool.nth(2 + random.below(3));
  std::set<std::string> through;
  Client clients[4];
  const auto end = [&](Client& client, bool failed) {
    pool.release(client.seat, failed);
    client = Client{};
  };
  const auto turn = [&](Client& client) {
    if (!client.held) {
      client.held = pool.pick(1, client.seat) == PickStatus::kOk;
    } else if (client.confirmed) {
      end(client, false);
    } else if (client.seat.backend && client.seat.backend->name == up) {
      pool.confirm(client.seat);
      client.confirmed = true;
      through.insert(up);
    } else if (client.seat.backend && client.done++ < kTries) {
      pool.redispatch(client.seat, random.chance(20));
    } else {
      end(client, true);
    }
  };
  for (unsigned i = 0; i < 60; i++) turn(clients[random.below(4)]);
  for (Client& client : clients) {
    while (client.held) turn(client);
  }
  pool.check_empty();
  const std::string pin = pool.pin(1);
  if (pin != pool.wanted && !through.contains(pin)) FAIL("pinned to " + pin + ", where nobody was");
}

}  // namespace

TEST("four sessions at random, no backend up: the pin is what it was") {
  Random random(1);
  for (uint64_t i = 0; i < rounds(500, 100'000); i++) run_random(random, kAll[i % 3], kRules[i / 3 % 3], true);
}

TEST("four sessions at random, one backend up: the pin is confirmed where somebody was, or what it was") {
  Random random(2);
  for (uint64_t i = 0; i < rounds(500, 100'000); i++) run_random(random, kAll[i % 3], kRules[i / 3 % 3], false);
}

TEST_MAIN
