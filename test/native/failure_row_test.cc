// Failures in a row of a backend: what counts, what ends a row, and what is told of it.
#include "support/five_pool.h"
#include "support/relay_rig.h"

using namespace limpet;
using namespace limpet::test;

namespace {

Backend* backend_of(Rig& rig, const std::string& name) { return const_cast<Backend*>(rig.backend(name)); }

// The backend has the connection, and its relay knows, before it resets.
void reject_one(Rig& rig, const Port& port) {
  Socket client = rig.client();
  CHECK(client.write("?"));
  Socket backend = port.accept();
  CHECK_EQUAL(backend.read(1), "?");
  backend.reset();
  CHECK(client.is_reset());
}

}  // namespace

TEST("a row that is long enough is told once, and begins anew") {
  FailureRow row;
  CHECK_EQUAL(row.take(1), 0U);
  for (unsigned i = 0; i < 4; i++) row.failed();
  CHECK_EQUAL(row.take(5), 0U);
  row.failed();
  CHECK_EQUAL(row.take(5), 5U);
  CHECK_EQUAL(row.take(1), 0U);
  row.failed();
  CHECK_EQUAL(row.take(1), 1U);
}

TEST("what goes well ends a row, and what was long enough before is told all the same") {
  FailureRow row;
  for (unsigned i = 0; i < 20; i++) {
    row.failed();
    row.failed();
    row.went_well();
  }
  CHECK_EQUAL(row.take(3), 0U);
  for (unsigned i = 0; i < 3; i++) row.failed();
  row.went_well();
  row.failed();
  CHECK_EQUAL(row.take(3), 3U);
}

TEST("connects that fail make a row, and one that succeeds ends it") {
  Five pool;
  FailureRow& row = pool.entry(pool.nth(0))->backend->connect_row;
  for (unsigned i = 0; i < 3; i++) {
    Seat seat;
    CHECK_EQUAL(pool.begin(seat), pool.nth(0));
    Pool::blame(seat);
    pool.release(seat, true);
  }
  CHECK_EQUAL(row.take(3), 3U);
  for (unsigned i = 0; i < 2; i++) {
    Seat seat;
    pool.begin(seat);
    Pool::blame(seat);
    pool.release(seat, true);
    pool.visit(1);
  }
  CHECK_EQUAL(row.take(2), 0U);
  pool.check_empty();
}

TEST("a backend that resets sessions before it has sent anything has a row of them") {
  Rig rig;
  const Port port;
  rig.set("a", port.number());
  for (unsigned i = 0; i < 3; i++) reject_one(rig, port);
  CHECK(rig.idle());
  CHECK_EQUAL(backend_of(rig, "a")->reset_row.take(3), 3U);
  CHECK_EQUAL(backend_of(rig, "a")->connect_row.take(1), 0U);
}

TEST("a session that a backend answers ends the row of resets, also while it lives") {
  // The client has its bytes a moment before the row ends: with one worker no reset comes in between.
  Rig rig({.workers = 1});
  const Port port;
  rig.set("a", port.number());
  reject_one(rig, port);
  reject_one(rig, port);
  Socket client = rig.client();
  Socket backend = port.accept();
  CHECK(backend.write("hello"));
  CHECK_EQUAL(client.read(5), "hello");
  reject_one(rig, port);
  CHECK(eventually([&] { return rig.relay.sessions() == 1; }));
  CHECK_EQUAL(backend_of(rig, "a")->reset_row.take(2), 2U);
  // The row that it ended; what came behind it is a row of one, and a reset after an answer is none at all.
  backend.reset();
  CHECK(client.is_reset());
  CHECK(rig.idle());
  CHECK_EQUAL(backend_of(rig, "a")->reset_row.take(1), 0U);
}

TEST_MAIN
