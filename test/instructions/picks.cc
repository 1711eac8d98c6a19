// A fixed trace of picks: one in five by a client that was never seen, every one of 16 backends of two weights, and 64
// sessions open at any time, so that the bound sends some of them on. One thread, a clock of its own.
//   picks COUNT
#include <array>
#include <cstdlib>

#include "support/pools.h"

using namespace limpet;
using namespace limpet::test;

namespace {

constexpr uint64_t kClients = 1000;
constexpr size_t kOpen = 64;

uint64_t client_of(uint64_t pick) { return pick % 5 == 0 ? kClients + pick : mix64(pick) % kClients; }

}  // namespace

int main(int, char** argv) {
  const auto count = static_cast<uint64_t>(std::atoll(argv[1]));
  TestPool pool;
  for (unsigned i = 0; i < 16; i++) pool.set("b" + std::to_string(i), 1 + i % 2);
  pool.pool.publish();
  std::array<Seat, kOpen> open;
  for (uint64_t pick = 0; pick < count; pick++) {
    Seat& seat = open[pick % kOpen];
    if (seat.backend) pool.release(seat);
    seat = {};
    CHECK(pool.pick(client_of(pick), seat) == PickStatus::kOk);
    pool.confirm(seat);
    pool.now_ms++;
  }
  for (Seat& seat : open) {
    if (seat.backend) pool.release(seat);
  }
  pool.check_empty();
  return failures.load() == 0 ? 0 : 1;
}
