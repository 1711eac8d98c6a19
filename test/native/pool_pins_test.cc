// What becomes of a pin when connects succeed, and where it goes when one fails: each rule by itself.
#include "support/five_pool.h"

using namespace limpet;
using namespace limpet::test;

TEST("a pin is provisional until a connect of its key succeeds, then confirmed") {
  Five pool;
  Seat seat;
  CHECK_EQUAL(pool.begin(seat), pool.nth(0));
  CHECK_EQUAL(pool.pin(1), pool.nth(0) + "?");
  pool.confirm(seat);
  CHECK_EQUAL(pool.pin(1), pool.nth(0));
  pool.release(seat);
  CHECK_EQUAL(pool.pin(1), pool.nth(0));
  pool.check_empty();
}

TEST("parallel picks follow the pin in either state") {
  Five pool(1000);
  Seat first, second, third;
  const std::string name = pool.begin(first);
  CHECK_EQUAL(pool.begin(second), name);  // the bound would send it elsewhere
  CHECK_EQUAL(second.reason, Reason::kPin);
  CHECK_EQUAL(pool.pin(1), name + "?");
  pool.confirm(first);
  CHECK_EQUAL(pool.begin(third), name);
  CHECK_EQUAL(pool.pin(1), name);
  for (Seat* seat : {&first, &second, &third}) pool.release(*seat);
  pool.check_empty();
}

TEST("a follower's connect confirms the pin, too") {
  Five pool;
  Seat first, second;
  pool.begin(first);
  pool.begin(second);
  pool.confirm(second);
  CHECK_EQUAL(pool.pin(1), pool.nth(0));
  pool.release(first, true);
  CHECK_EQUAL(pool.pin(1), pool.nth(0));
  pool.release(second);
  pool.check_empty();
}

TEST("confirming twice is confirming once") {
  Five pool;
  Seat seat, next;
  pool.begin(seat);
  pool.confirm(seat);
  pool.confirm(seat);
  pool.release(seat);
  // Nobody lives there any more, so a failed connect moves the pin.
  pool.begin(next);
  CHECK_EQUAL(pool.fail(next), pool.nth(1));
  CHECK_EQUAL(pool.pin(1), pool.nth(1) + "?");
  pool.release(next, true);
  pool.check_empty();
}

TEST("a failed connect swaps the pin to the next backend, where success confirms it") {
  Five pool;
  Seat seat;
  CHECK_EQUAL(pool.begin(seat), pool.nth(0));
  CHECK_EQUAL(pool.fail(seat), pool.nth(1));
  CHECK_EQUAL(pool.pin(1), pool.nth(1) + "?");
  CHECK(pool.found(1)->pin.away);
  CHECK_EQUAL(pool.sessions(pool.nth(0)), 0U);
  CHECK_EQUAL(pool.sessions(pool.nth(1)), 1U);
  CHECK_EQUAL(pool.pool.seats(), uint64_t{1});
  pool.confirm(seat);
  CHECK_EQUAL(pool.pin(1), pool.nth(1));
  pool.release(seat);
  CHECK_EQUAL(pool.visit(1), pool.nth(1));
  pool.check_empty();
}

TEST("a failed connect swaps a confirmed pin that nobody lives on") {
  Five pool;
  pool.pin_to_second();
  Seat seat;
  CHECK_EQUAL(pool.begin(seat), pool.nth(1));
  CHECK_EQUAL(pool.fail(seat), pool.nth(0));
  CHECK_EQUAL(pool.pin(1), pool.nth(0) + "?");
  pool.confirm(seat);
  CHECK_EQUAL(pool.pin(1), pool.nth(0));
  pool.release(seat);
}

TEST("a session that lives on the backend keeps the pin there") {
  Five pool;
  Seat lives, fails;
  pool.begin(lives);
  pool.confirm(lives);
  pool.begin(fails);
  CHECK_EQUAL(pool.fail(fails), pool.nth(1));
  CHECK_EQUAL(pool.pin(1), pool.nth(0));
  pool.confirm(fails);
  CHECK_EQUAL(pool.pin(1), pool.nth(0));
  CHECK_EQUAL(pool.fail(fails), pool.nth(2));
  CHECK_EQUAL(pool.pin(1), pool.nth(0));
  pool.release(fails, true);
  CHECK_EQUAL(pool.pin(1), pool.nth(0));
  pool.release(lives);
  pool.check_empty();
}

TEST("a session that has ended keeps no pin") {
  Five pool;
  Seat lived, fails;
  pool.begin(lived);
  pool.confirm(lived);
  pool.begin(fails);
  pool.release(lived);
  pool.fail(fails);
  CHECK_EQUAL(pool.pin(1), pool.nth(1) + "?");
  pool.release(fails, true);
  pool.check_empty();
}

TEST("a session that is only connecting there keeps no pin") {
  Five pool;
  Seat connecting, fails;
  pool.begin(connecting);
  pool.begin(fails);
  CHECK_EQUAL(pool.fail(fails), pool.nth(1));
  CHECK_EQUAL(pool.pin(1), pool.nth(1) + "?");
  pool.release(connecting, true);
  pool.release(fails, true);
  pool.check_empty();
}

TEST("a pin that says something else untried is followed") {
  Five pool;
  Seat first, second;
  pool.begin(first);
  pool.begin(second);
  pool.fail(first);
  CHECK_EQUAL(pool.fail(first), pool.nth(2));
  // By the order, the second would go to the second backend.
  CHECK_EQUAL(pool.fail(second), pool.nth(2));
  CHECK_EQUAL(pool.pin(1), pool.nth(2) + "?");
  pool.confirm(first);
  CHECK_EQUAL(pool.pin(1), pool.nth(2));
  pool.release(first);
  pool.release(second, true);
  CHECK_EQUAL(pool.pin(1), pool.nth(2));
  pool.check_empty();
}

TEST("a pin that says something else, but tried, is left to those who are there") {
  Five pool;
  Seat first, second;
  pool.begin(first);
  CHECK_EQUAL(pool.fail(first), pool.nth(1));
  CHECK_EQUAL(pool.begin(second), pool.nth(1));
  // The second goes back to the key's home, which it has not tried, and takes the pin along.
  CHECK_EQUAL(pool.fail(second), pool.nth(0));
  CHECK_EQUAL(pool.pin(1), pool.nth(0) + "?");
  // The first has tried that: it goes on, and the pin is not its own to move.
  CHECK_EQUAL(pool.fail(first), pool.nth(2));
  CHECK_EQUAL(pool.pin(1), pool.nth(0) + "?");
  pool.confirm(second);
  CHECK_EQUAL(pool.pin(1), pool.nth(0));
  pool.confirm(first);
  CHECK_EQUAL(pool.pin(1), pool.nth(0));
  pool.release(first);
  pool.release(second);
  pool.check_empty();
}

TEST("a session that succeeds takes a pin along that nobody lives on, and no other") {
  Five pool;
  Seat slow, quick;
  pool.begin(slow);
  pool.begin(quick);
  CHECK_EQUAL(pool.fail(quick), pool.nth(1));
  pool.confirm(slow);
  CHECK_EQUAL(pool.pin(1), pool.nth(0));
  pool.confirm(quick);
  CHECK_EQUAL(pool.pin(1), pool.nth(0));
  pool.release(slow);
  pool.release(quick);
  pool.check_empty();
}

TEST_MAIN
