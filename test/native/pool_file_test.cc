// A pool whose stick table is in a file: backends are found again by name, and a SIGKILL costs next to nothing.
#include <sys/mman.h>
#include <sys/wait.h>

#include <thread>

#include "support/pools.h"
#include "support/table_files.h"

using namespace limpet;
using namespace limpet::test;

namespace {

constexpr uint64_t kWall = 1'800'000'000'000;

// A TestPool whose table is in a file.
class FilePool {
 public:
  explicit FilePool(const std::string& path, const PoolOptions& options = {}, uint64_t at_ms = kStartMs)
      : now_ms(at_ms),
        domain(std::make_shared<EpochDomain>()),
        pool(rules_of(options), domain, open(path, rules_of(options), at_ms), moment(at_ms, kWall)),
        thread(*domain) {}

  void set(std::initializer_list<const char*> names) {
    for (const char* const name : names) CHECK(pool.set_backend(name, {nullptr, 1, 0, BackendState::kReady}) >= 0);
    pool.publish();
  }
  std::string pick(uint64_t number, Seat& seat) {
    return pool.pick(thread, client(number), seat, now_ms) == PickStatus::kOk ? seat.backend->name : "-";
  }
  std::string visit(uint64_t number) {
    Seat seat;
    std::string name = pick(number, seat);
    if (!seat.backend) return name;
    pool.confirm(thread, seat, now_ms);
    pool.release(seat, false, now_ms);
    return name;
  }
  std::string pin(uint64_t number) {
    const AffinityKey key = client(number);
    const auto found = pool.table()->find(key, pool.table()->hash(key), now_ms);
    if (!found) return "";
    const RosterEntry* const entry = pool.roster().find(found->pin.backend, found->pin.generation);
    return entry ? entry->backend->name : "gone";
  }
  const StickTable::Restored& restored() { return pool.table()->restored(); }

  uint64_t now_ms;
  std::shared_ptr<EpochDomain> domain;
  Pool pool;
  EpochThread thread;

 private:
  static PoolRules rules_of(const PoolOptions& options) {
    PoolRules rules = pool_rules(options);
    rules.keys = {32, 64, make_secret(3)};
    return rules;
  }
  static std::unique_ptr<TableFile> open(const std::string& path, const PoolRules& rules, uint64_t at_ms) {
    int error = 0;
    const TableShape shape{rules.table_size, StickTable::bytes_of(rules.table_size), rules.ttl_ms, rules.keys};
    auto file = TableFile::open(path, shape, moment(at_ms, kWall), rules.table_secret, error);
    if (!CHECK(file != nullptr)) std::abort();
    return file;
  }
};

}  // namespace

TEST("pins find their backends by name: in another order, with another one before them, without one of them") {
  const Directory directory;
  const std::string path = directory.file("table");
  constexpr uint64_t kClients = 2000;
  std::vector<std::string> before(kClients);
  uint64_t on_b = 0;
  {
    FilePool pool(path);
    pool.set({"a", "b", "c"});
    for (uint64_t i = 0; i < kClients; i++) on_b += (before[i] = pool.visit(i)) == "b";
  }
  {
    FilePool pool(path);
    CHECK_EQUAL(pool.restored().pins, size_t{kClients});
    pool.set({"0", "c", "d", "a"});
    pool.pool.forget_absent();
    CHECK_EQUAL(pool.restored().dropped, size_t{on_b});
    CHECK_EQUAL(pool.restored().pins, size_t{kClients - on_b});
    CHECK_EQUAL(pool.pool.table()->entries(), size_t{kClients - on_b});
    for (uint64_t i = 0; i < kClients; i++) CHECK_EQUAL(pool.pin(i), before[i] == "b" ? "" : before[i]);
    for (uint64_t i = 0; i < kClients; i++) before[i] = pool.visit(i);
  }
  FilePool pool(path);
  pool.set({"b", "c", "d", "a", "0"});
  pool.pool.forget_absent();
  CHECK_EQUAL(pool.restored().dropped, size_t{0});
  for (uint64_t i = 0; i < kClients; i++) CHECK_EQUAL(pool.pin(i), before[i]);
}

TEST("pins to a backend that was removed stay forgotten, whoever has its index after the restart") {
  const Directory directory;
  const std::string path = directory.file("table");
  {
    FilePool pool(path, {.bound_milli = 0});
    pool.set({"a", "b"});
    for (uint64_t i = 0; i < 100; i++) pool.visit(i);
    pool.pool.remove_backend("b");
    pool.pool.publish();
    pool.pool.publish();
  }
  FilePool pool(path);
  CHECK(pool.restored().dropped > 0);
  const size_t on_a = pool.restored().pins;
  pool.set({"x", "b", "a"});
  uint64_t pinned = 0;
  for (uint64_t i = 0; i < 100; i++) {
    CHECK(pool.pin(i) == "a" || pool.pin(i).empty());
    pinned += pool.pin(i) == "a";
  }
  CHECK_EQUAL(pinned, uint64_t{on_a});
}

TEST("a backend that comes later, before absent ones are forgotten, has its pins too") {
  const Directory directory;
  const std::string path = directory.file("table");
  std::string home;
  {
    FilePool pool(path);
    pool.set({"a", "b"});
    home = pool.visit(1);
  }
  FilePool pool(path);
  pool.set({home == "a" ? "b" : "a"});
  CHECK_EQUAL(pool.pin(1), "gone");
  pool.set({home.c_str()});
  pool.pool.forget_absent();
  CHECK_EQUAL(pool.pin(1), home);
  // Nothing is remembered any more: who comes back after it was removed is another one.
  pool.pool.remove_backend(home);
  pool.pool.publish();
  pool.set({home.c_str()});
  CHECK_EQUAL(pool.pin(1), "gone");
}

TEST("sessions of one key: each gives its claim back, also where the file has another secret than the rules") {
  const Directory directory;
  const std::string path = directory.file("table");
  PoolOptions options{.secret = 1};
  options.limits = {2, 0, 0};
  { FilePool pool(path, options); }
  // A process has a random secret for tables that it makes; a file keeps the one of its first.
  options.secret = 2;
  FilePool pool(path, options);
  pool.set({"a", "b"});
  for (uint64_t i = 0; i < 100; i++) CHECK(pool.visit(i % 10) != "-");
  Seat seats[3];
  CHECK(pool.pick(1, seats[0]) != "-" && pool.pick(1, seats[1]) != "-");
  CHECK_EQUAL(pool.pick(1, seats[2]), "-");
  for (Seat& seat : seats) pool.pool.release(seat, false, pool.now_ms);
}

TEST("the pin of a session that lives longer than the ttl comes back after a sudden end") {
  const Directory directory;
  const std::string path = directory.file("table");
  constexpr uint64_t kSessions = 300;
  uint64_t end = kStartMs + 3 * kTtlMs;
  {
    FilePool pool(path);
    pool.set({"a", "b"});
    std::vector<Seat> seats(kSessions);
    for (uint64_t i = 0; i < kSessions; i++) {
      pool.pick(i, seats[i]);
      pool.pool.confirm(pool.thread, seats[i], pool.now_ms);
    }
    pool.visit(kSessions);
    for (; pool.now_ms < end; pool.now_ms += 1000) pool.pool.keep_table(moment(pool.now_ms, kWall));
    // As they would be left by a SIGKILL: copied, before the sessions end.
    std::filesystem::copy_file(path, path + ".killed");
    for (Seat& seat : seats) pool.pool.release(seat, false, pool.now_ms);
  }
  FilePool pool(path + ".killed", {}, end);
  pool.set({"b", "a"});
  CHECK_EQUAL(pool.restored().pins, size_t{kSessions});
  pool.now_ms += kTtlMs * 7 / 8 - 2000;
  for (uint64_t i = 0; i < kSessions; i++) CHECK(!pool.pin(i).empty());
  CHECK_EQUAL(pool.pin(kSessions), "");
}

TEST("killed under load by several threads: 99.9 % of the pins come back, each to its backend") {
  constexpr uint64_t kClients = 40'000;
  constexpr unsigned kWorkers = 4;
  const Directory directory;
  const std::string path = directory.file("table");
  const PoolOptions options{.bound_milli = 1250, .table_size = 50'000};
  auto* const told = static_cast<std::atomic<uint8_t>*>(
      mmap(nullptr, kClients, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
  Random random;
  for (uint64_t round = 0; round < rounds(4, 60); round++) {
    for (uint64_t i = 0; i < kClients; i++) told[i] = 0;
    std::filesystem::remove(path);
    int started[2];
    CHECK(pipe(started) == 0);
    const pid_t child = fork();
    if (child == 0) {
      FilePool pool(path, options);
      pool.set({"b1", "b2", "b3", "b4", "b5"});
      std::vector<std::thread> workers;
      for (unsigned w = 0; w < kWorkers; w++) {
        workers.emplace_back([&, w] {
          EpochThread thread(*pool.domain);
          const EpochGuard guard(thread);
          for (uint64_t i = w;; i += kWorkers) {
            Seat seat;
            const uint64_t who = i % kClients;
            if (pool.pool.pick(thread, client(who), seat, kStartMs + i / 100) != PickStatus::kOk) continue;
            const auto at = static_cast<uint8_t>(seat.backend->name[1] - '0');
            pool.pool.confirm(thread, seat, kStartMs + i / 100);
            pool.pool.release(seat, false, kStartMs + i / 100);
            told[who].store(at, std::memory_order_release);
            if (i == kClients / 4) [[maybe_unused]]
              const ssize_t n = write(started[1], "x", 1);
          }
        });
      }
      for (std::thread& worker : workers) worker.join();
    }
    char byte = 0;
    CHECK(read(started[0], &byte, 1) == 1);
    usleep(static_cast<useconds_t>(random.below(60'000)));  // any moment will do
    kill(child, SIGKILL);
    CHECK(waitpid(child, nullptr, 0) == child);
    close(started[0]);
    close(started[1]);

    FilePool pool(path, options, kStartMs + 10'000);
    pool.set({"b5", "b3", "b1", "b2", "b4"});
    pool.pool.forget_absent();
    uint64_t expected = 0;
    uint64_t there = 0;
    for (uint64_t i = 0; i < kClients; i++) {
      if (told[i] == 0) continue;
      expected++;
      const std::string pin = pool.pin(i);
      if (pin.empty()) continue;
      there++;
      CHECK_EQUAL(pin[1] - '0', static_cast<int>(told[i]));
    }
    CHECK(expected >= kClients / 4 / kWorkers);
    CHECK(there * 1000 >= expected * 999);
    CHECK_EQUAL(pool.restored().dropped, size_t{0});
    CHECK_WITHIN(pool.restored().torn, size_t{0}, size_t{kWorkers});
  }
  munmap(told, kClients);
}

TEST_MAIN
