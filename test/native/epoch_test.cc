// Epochs: what was replaced is freed when nobody can hold it, and not before.
#include "core/epoch.h"

#include <memory>
#include <optional>

#include "support/random.h"
#include "support/test.h"
#include "support/threads.h"

using namespace limpet;
using namespace limpet::test;

TEST("with no reader, what is retired is freed at once") {
  EpochDomain domain;
  int freed = 0;
  domain.retire([&] { freed++; });
  CHECK_EQUAL(freed, 1);
}

TEST("what a reader may hold is kept until it leaves") {
  EpochDomain domain;
  EpochThread reader(domain);
  int freed = 0;
  reader.pin();
  domain.retire([&] { freed++; });
  domain.retire([&] { freed++; });
  domain.reclaim();
  CHECK_EQUAL(freed, 0);
  reader.unpin();
  domain.reclaim();
  CHECK_EQUAL(freed, 2);
}

TEST("a reader that came later holds nothing back") {
  EpochDomain domain;
  EpochThread early(domain);
  EpochThread late(domain);
  int freed = 0;
  early.pin();
  domain.retire([&] { freed++; });
  late.pin();
  early.unpin();
  domain.reclaim();
  CHECK_EQUAL(freed, 1);
  domain.retire([&] { freed++; });
  CHECK_EQUAL(freed, 1);
  late.unpin();
  domain.reclaim();
  CHECK_EQUAL(freed, 2);
}

TEST("a reader that pins again has passed a quiescent point") {
  EpochDomain domain;
  EpochThread reader(domain);
  int freed = 0;
  reader.pin();
  domain.retire([&] { freed++; });
  reader.unpin();
  reader.pin();
  domain.reclaim();
  CHECK_EQUAL(freed, 1);
  reader.unpin();
}

TEST("a guard pins while it lives") {
  EpochDomain domain;
  EpochThread reader(domain);
  int freed = 0;
  {
    const EpochGuard guard(reader);
    domain.retire([&] { freed++; });
    CHECK_EQUAL(freed, 0);
  }
  domain.reclaim();
  CHECK_EQUAL(freed, 1);
}

TEST("the end of the domain frees what is left") {
  int freed = 0;
  {
    EpochDomain domain;
    EpochThread reader(domain);
    reader.pin();
    domain.retire([&] { freed++; });
    reader.unpin();
    CHECK_EQUAL(freed, 0);
  }
  CHECK_EQUAL(freed, 1);
}

TEST("freeing may retire more") {
  EpochDomain domain;
  int freed = 0;
  domain.retire([&] { domain.retire([&] { freed++; }); });
  CHECK_EQUAL(freed, 1);
}

TEST("thread numbers differ, run out, and come back") {
  EpochDomain domain;
  std::vector<bool> seen(kMaxThreads);
  for (unsigned i = 0; i < kMaxThreads; i++) {
    const int number = domain.enter_thread();
    REQUIRE(number >= 0 && static_cast<unsigned>(number) < kMaxThreads && !seen[static_cast<size_t>(number)]);
    seen[static_cast<size_t>(number)] = true;
  }
  CHECK_EQUAL(domain.enter_thread(), -1);
  CHECK(!EpochThread(domain).ok());
  domain.leave_thread(17);
  CHECK_EQUAL(domain.enter_thread(), 17);
}

namespace {

constexpr uint64_t kAlive = 0xa11fe;

struct Snapshot {
  explicit Snapshot(std::atomic<int64_t>& alive) : living(alive) { living.fetch_add(1); }
  ~Snapshot() {
    magic = 0;
    living.fetch_sub(1);
  }
  std::atomic<int64_t>& living;
  uint64_t magic = kAlive;
};

}  // namespace

TEST("many readers and writers: nobody sees what was freed, and all of it is") {
  EpochDomain domain;
  std::atomic<int64_t> living{0};
  std::atomic<Snapshot*> current{new Snapshot(living)};
  std::atomic<unsigned> writers{2};
  std::atomic<uint64_t> reads{0};
  const uint64_t swaps = rounds(5'000, 100'000);
  run_threads(6, [&](unsigned thread) {
    if (thread < 2) {
      for (uint64_t i = 0; i < swaps; i++) {
        Snapshot* const old = current.exchange(new Snapshot(living), std::memory_order_seq_cst);
        domain.retire([old] { delete old; });
      }
      writers.fetch_sub(1);
      return;
    }
    Random random(thread);
    std::optional<EpochThread> reader(std::in_place, domain);
    while (writers.load() > 0) {
      {
        const EpochGuard guard(*reader);
        const Snapshot* const seen = current.load(std::memory_order_seq_cst);
        const uint64_t looks = random.below(50);
        for (uint64_t look = 0; look <= looks; look++) {
          if (seen->magic != kAlive) FAIL("it was freed");
        }
      }
      reads.fetch_add(1);
      if (random.below(1000) == 0) reader.emplace(domain);  // numbers are handed on
    }
  });
  domain.reclaim();
  CHECK(reads.load() > 0);
  CHECK_EQUAL(living.load(), int64_t{1});
  delete current.load();
}

TEST_MAIN
