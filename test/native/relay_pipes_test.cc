// Where there are no pipes, or none worth using, or no splice(): the relay copies, loses nothing, and says so.
#include "relay/pipe_pool.h"

#include "support/bulk.h"

using namespace limpet;
using namespace limpet::test;

namespace {

constexpr uint64_t kMib = 1 << 20;

// One session that carries bulk both ways.
struct Bulk {
  Bulk() {
    rig.set("a", port.number());
    ends.emplace(rig, port);
    streams.emplace(*ends, UINT64_MAX, UINT64_MAX);
  }
  // Until the relay has met bulk, and counted what that came to: its buffer is only filled where the receiver is slower
  // than the sender.
  void press(SessionCounter counter) {
    CHECK(eventually([&] {
      CHECK(fill(streams->down(), ends->backend, 20));
      CHECK(drain(streams->down(), ends->client, streams->down().received() + kMib));
      return count(counter) > 0;
    }));
  }
  void finish() {
    streams->finish();
    rig.check_end(SessionCounter::kEndFinished);
  }
  uint64_t count(SessionCounter counter) { return rig.count(counter); }

  Rig rig{{.workers = 1}};
  Port port;
  std::optional<Joined> ends;
  std::optional<Streams> streams;
};

// Opens pipes until the kernel gives only small ones; false: it never does.
bool use_up_pipe_pages() {
  for (unsigned i = 0; i < 2'000; i++) {
    int ends[2];
    if (pipe(ends) != 0) return false;
    if (fcntl(ends[0], F_GETPIPE_SZ) < static_cast<int>(PipePool::kLeastBytes)) return true;
  }
  return false;
}

}  // namespace

TEST("the pool keeps empty pipes, closes others, and gives back what it took from the budget") {
  FdBudget::process().init();
  const size_t before = open_descriptors();
  SessionCounters counters(1);
  {
    PipePool pool({counters, 0});
    std::vector<Pipe> pipes(PipePool::kMost);
    for (Pipe& pipe : pipes) REQUIRE(pool.lend(pipe));
    CHECK_EQUAL(FdBudget::process().used(), 2 * PipePool::kMost);
    CHECK_EQUAL(fcntl(pipes[0].read_end, F_GETPIPE_SZ), static_cast<int>(PipePool::kBytes));
    CHECK_EQUAL(fcntl(pipes[0].write_end, F_GETFL) & O_NONBLOCK, O_NONBLOCK);
    CHECK_EQUAL(fcntl(pipes[0].read_end, F_GETFD), FD_CLOEXEC);
    Pipe none;
    CHECK(!pool.lend(none) && !none.open());
    CHECK_EQUAL(counters.sum(static_cast<unsigned>(SessionCounter::kPipesRefused)), uint64_t{1});
    CHECK(!pool.lend(none));  // no other try so soon
    CHECK_EQUAL(counters.sum(static_cast<unsigned>(SessionCounter::kPipesRefused)), uint64_t{1});
    const int first = pipes[0].read_end;
    pool.give_back(pipes[0]);
    CHECK(!pipes[0].open());
    REQUIRE(pool.lend(pipes[0]));
    CHECK_EQUAL(pipes[0].read_end, first);
    pipes[0].held = 1;
    pool.give_back(pipes[0]);
    CHECK_EQUAL(FdBudget::process().used(), 2 * (PipePool::kMost - 1));
    for (size_t i = 1; i < pipes.size(); i++) pool.give_back(pipes[i]);
    CHECK(FdBudget::process().used() < 2 * PipePool::kMost / 2);
    pool.clear();
    CHECK_EQUAL(FdBudget::process().used(), 0U);
  }
  CHECK_EQUAL(open_descriptors(), before);
  CHECK_EQUAL(FdBudget::process().used(), 0U);
}

TEST("a user who has too many pipes gets small ones: not used, counted, not tried for every wake-up") {
  in_child([] {
    if (getuid() == 0 && !CHECK(setgid(65'534) == 0 && setuid(65'534) == 0)) return;
    if (!use_up_pipe_pages()) return;  // fs.pipe-user-pages-soft is off, or the limit of descriptors comes first
    Bulk bulk;
    bulk.press(SessionCounter::kPipesSmall);
    bulk.finish();
    CHECK_WITHIN(bulk.count(SessionCounter::kPipesSmall), uint64_t{1}, uint64_t{60});
    CHECK_EQUAL(bulk.count(SessionCounter::kBytesSpliced), uint64_t{0});
  });
}

TEST("no descriptor for a pipe: copied, counted, and spliced once there is one") {
  in_child([] {
    Bulk bulk;
    forbid_descriptors();
    bulk.press(SessionCounter::kPipesRefused);
    CHECK_WITHIN(bulk.count(SessionCounter::kPipesRefused), uint64_t{1}, uint64_t{60});
    CHECK_EQUAL(bulk.count(SessionCounter::kBytesSpliced), uint64_t{0});
    allow_descriptors();
    bulk.press(SessionCounter::kBytesSpliced);
    bulk.finish();
  });
}

TEST("no budget for a pipe: copied and counted") {
  Bulk bulk;
  FdBudget& budget = FdBudget::process();
  const uint32_t rest = budget.limit() - budget.used() - 1;
  REQUIRE(budget.take(rest));
  bulk.press(SessionCounter::kPipesRefused);
  CHECK_WITHIN(bulk.count(SessionCounter::kPipesRefused), uint64_t{1}, uint64_t{60});
  CHECK_EQUAL(bulk.count(SessionCounter::kBytesSpliced), uint64_t{0});
  budget.give(rest);
  bulk.finish();
}

TEST("splice() refused from the start: copied, counted at most once a direction") {
  for (const int error : {ENOSYS, EPERM, EINVAL}) {
    in_child([error] {
      Bulk bulk;
      if (!CHECK(forbid_splice(error))) return;
      bulk.press(SessionCounter::kSpliceFallbacks);
      bulk.finish();
      CHECK_EQUAL(bulk.count(SessionCounter::kBytesSpliced), uint64_t{0});
      CHECK_WITHIN(bulk.count(SessionCounter::kSpliceFallbacks), uint64_t{1}, uint64_t{2});
    });
  }
}

TEST("splice() refused while pipes hold bytes: they are read out, nothing is lost") {
  in_child([] {
    Bulk bulk;
    if (!CHECK(bulk.streams->load())) return;
    const uint64_t spliced = bulk.count(SessionCounter::kBytesSpliced);
    CHECK(spliced > 0);
    if (!CHECK(forbid_splice(EINVAL))) return;
    bulk.finish();
    CHECK_EQUAL(bulk.count(SessionCounter::kBytesSpliced), spliced);
    CHECK_EQUAL(bulk.count(SessionCounter::kSpliceFallbacks), uint64_t{2});
  });
}

TEST_MAIN
