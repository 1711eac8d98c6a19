// A pool of five for the rules of pins: one client, whose order is known. The bound is off unless a rule is about it,
// so that a session goes to the first backend of its key's order that it has not tried.
#pragma once

#include "support/pools.h"

namespace limpet::test {

struct Five : TestPool {
  explicit Five(uint32_t bound_milli = 0, ReturnHome return_home = ReturnHome::kNever)
      : TestPool({.bound_milli = bound_milli, .return_home = return_home}) {
    add_equal(5);
    by_order = order(1);
  }
  const std::string& nth(size_t at) const { return by_order[at]; }
  std::string begin(Seat& seat) {
    CHECK_EQUAL(pick(1, seat), PickStatus::kOk);
    return seat.backend ? seat.backend->name : "-";
  }
  // The connect failed; where to next.
  std::string fail(Seat& seat, bool local_failure = false) {
    if (redispatch(seat, local_failure) != PickStatus::kOk) return "-";
    CHECK_EQUAL(seat.reason, Reason::kRedispatch);
    return seat.backend->name;
  }
  // Down and up again, so that the client is pinned away from home.
  void pin_to_second() {
    set(nth(0), 1, 0, BackendState::kDown);
    pool.publish();
    CHECK_EQUAL(visit(1), nth(1));
    set(nth(0));
    pool.publish();
    CHECK_EQUAL(pin(1), nth(1));
  }
  std::vector<std::string> by_order;
};

}  // namespace limpet::test
