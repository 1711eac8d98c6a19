// The stick table's file: what comes back, what is not believed, and who may have it.
#include "core/table_file.h"

#include <sys/resource.h>
#include <sys/wait.h>

#include <set>

#include "support/table_files.h"
#include "support/test.h"

using namespace limpet;
using namespace limpet::test;

namespace {

constexpr uint64_t kNow = 10'000'000;
constexpr uint64_t kWall = 1'800'000'000'000;
constexpr uint64_t kTtl = 60'000;
constexpr size_t kHeader = 4096;

const TableMoment kFirst = moment(kNow, kWall);

AffinityKey key(uint64_t number) { return {mix64(number), KeyKind::kIpv6}; }
uint16_t backend(uint64_t number) { return static_cast<uint16_t>(number % 5); }

// A closed table with pins of `count` clients to five backends.
void fill(const std::string& path, uint64_t count, const FileTableOptions& options = {}) {
  FileTable one(path, kFirst, options);
  if (!CHECK(one.table != nullptr)) return;
  for (uint16_t i = 0; i < 5; i++) one.name(i, "b" + std::to_string(i), static_cast<uint16_t>(i * 10));
  for (uint64_t i = 0; i < count; i++) {
    const uint16_t at = backend(i);
    one.store(key(i), {at, static_cast<uint16_t>(at * 10), i % 2 == 0, i % 3 == 0}, kNow);
  }
}

// Pins of the first `count` clients that are there; each that is must be the one that was stored.
uint64_t found(const FileTable& one, uint64_t count, uint64_t now_ms) {
  uint64_t all = 0;
  for (uint64_t i = 0; i < count; i++) {
    const auto at = one.find(key(i), now_ms);
    if (!at) continue;
    all++;
    CHECK_EQUAL(at->pin.backend, backend(i));
    CHECK_EQUAL(at->pin.generation, backend(i) * 10);
    CHECK_EQUAL(at->pin.away, i % 2 == 0);
    CHECK_EQUAL(at->pin.provisional, i % 3 == 0);
  }
  return all;
}

void change_byte(const std::string& path, size_t at, uint8_t by) {
  std::string bytes = read_file(path);
  bytes[at] = static_cast<char>(bytes[at] ^ by);
  write_file(path, bytes);
}

size_t buckets_at(const std::string& path, const FileTableOptions& options = {}) {
  return read_file(path).size() - StickTable::bytes_of(options.size);
}

}  // namespace

TEST("pins come back as they were, and expire when they would have") {
  const Directory directory;
  const std::string path = directory.file("table");
  fill(path, 500);
  struct stat status {};
  CHECK(stat(path.c_str(), &status) == 0 && (status.st_mode & 0777) == 0600);
  FileTable one(path, moment(kNow + 10'000, kWall + 10'000));
  CHECK_EQUAL(one.file().generation(), uint64_t{2});
  CHECK_EQUAL(one.file().replaced(), TableFound::kNothing);
  CHECK_EQUAL(one.table->entries(), size_t{500});
  CHECK_EQUAL(one.table->restored().pins, size_t{500});
  CHECK_EQUAL(one.table->restored().dropped + one.table->restored().torn, size_t{0});
  CHECK_EQUAL(found(one, 500, kNow + kTtl), uint64_t{500});
  CHECK_EQUAL(found(one, 500, kNow + kTtl + kTtlSlackMs), uint64_t{0});
}

TEST("pins that expired meanwhile do not come back, and are nobody's loss") {
  const Directory directory;
  const std::string path = directory.file("table");
  fill(path, 100);
  FileTable one(path, moment(kNow + kTtl + kTtlSlackMs, kWall));
  CHECK_EQUAL(one.table->entries(), size_t{0});
  CHECK_EQUAL(one.table->restored().dropped + one.table->restored().torn, size_t{0});
}

TEST("after another start of the machine the wall clock tells how old they are, from 0 to the ttl") {
  const Directory directory;
  const auto left = [&](const TableMoment& now) -> int64_t {
    const std::string path = directory.file("table");
    std::filesystem::remove(path);
    fill(path, 1);
    FileTable one(path, now);
    const auto at = one.find(key(0), now.monotonic_ms);
    return at ? at->expires_in_ms : -1;
  };
  const auto slack = static_cast<int64_t>(2 * kTtlSlackMs);
  const auto ttl = static_cast<int64_t>(kTtl);
  for (const uint64_t started : {uint64_t{50}, kNow, kNow * 7}) {
    CHECK_WITHIN(left(moment(started, kWall + 20'000, 2)), ttl - 20'000 - slack, ttl - 20'000 + slack);
    CHECK_WITHIN(left(moment(started, kWall - 20'000, 2)), ttl - slack, ttl + slack);  // it was put back
    CHECK(left(moment(started, kWall + 1'000'000'000, 2)) < slack);
  }
  // Nothing tells that it is the same one.
  CHECK_WITHIN(left(moment(kNow + 30'000, kWall + 20'000, 0)), ttl - 20'000 - slack, ttl - 20'000 + slack);
  CHECK_WITHIN(left(moment(kNow - 1'000, kWall + 20'000, 1)), ttl - 20'000 - slack, ttl - 20'000 + slack);
}

TEST("over several starts of the machine ages add up, counted from the last mark") {
  const Directory directory;
  const std::string path = directory.file("table");
  fill(path, 1);
  { FileTable(path, moment(500, kWall + 10'000, 2)).file().mark(moment(5'500, kWall + 15'000, 2)); }
  { const FileTable one(path, moment(300, kWall + 25'000, 3)); }
  FileTable one(path, moment(1'300, kWall + 26'000, 3));
  const auto at = one.find(key(0), 1'300);
  if (CHECK(at.has_value())) CHECK_WITHIN(at->expires_in_ms, int64_t{33'500}, int64_t{34'500});
}

TEST("a shorter ttl holds for what is there, a longer one for what comes") {
  const Directory directory;
  const std::string path = directory.file("table");
  fill(path, 100);
  {
    FileTable one(path, kFirst, {.ttl_ms = 5'000});
    CHECK_EQUAL(found(one, 100, kNow + 5'000), uint64_t{100});
    CHECK_EQUAL(found(one, 100, kNow + 5'000 + kTtlSlackMs), uint64_t{0});
  }
  FileTable one(path, kFirst, {.ttl_ms = 3'600'000});
  CHECK_EQUAL(found(one, 100, kNow + 5'000), uint64_t{100});
  CHECK_EQUAL(found(one, 100, kNow + 6'000), uint64_t{0});
  one.store(key(1), {1, 10}, kNow);
  CHECK(one.find(key(1), kNow + 3'600'000).has_value());
}

TEST("pins of keys that are made in another way now are dropped, and no others") {
  const Directory directory;
  const FileTableOptions before;
  const auto open_with = [&](const KeyRules& keys, size_t restored) {
    const std::string path = directory.file("table");
    std::filesystem::remove(path);
    {
      FileTable one(path, kFirst);
      one.name(1, "b");
      for (const KeyKind kind : {KeyKind::kIpv4, KeyKind::kIpv6, KeyKind::kHashed}) one.store({9, kind}, {1, 0}, kNow);
    }
    FileTable one(path, kFirst, {.keys = keys});
    CHECK_EQUAL(one.table->restored().pins, restored);
    CHECK_EQUAL(one.table->restored().dropped, 3 - restored);
  };
  open_with(before.keys, 3);
  open_with({24, 64, {}}, 2);
  open_with({32, 48, {}}, 1);
  open_with({32, 64, make_secret(5)}, 2);
}

TEST("a bucket that was being written, or of which a bit is another one, is cleared; the others stay") {
  const Directory directory;
  const std::string path = directory.file("table");
  constexpr uint64_t kClients = 900;
  fill(path, kClients);
  const std::string whole = read_file(path);
  const size_t from = buckets_at(path);
  Random random;
  const auto open_with = [&](size_t at, uint8_t by) {
    write_file(path, whole);
    change_byte(path, at, by);
    FileTable one(path, kFirst);
    const uint64_t there = found(one, kClients, kNow);
    CHECK_EQUAL(one.table->restored().torn, size_t{1});
    CHECK_EQUAL(one.table->entries(), size_t{there});
    CHECK_WITHIN(there, kClients - 7, kClients);
    // It can be used again.
    for (uint64_t i = 0; i < kClients; i++) one.store(key(i), {backend(i), 0}, kNow);
    CHECK(one.table->entries() > kClients - 7);
  };
  open_with(from + 128 * 5, 1);  // its sequence: odd
  for (uint64_t i = 0; i < rounds(150, 20'000); i++) {
    // Anywhere but in the sequence, whose even numbers are as good as each other.
    const size_t offset = random.between(4, 127);
    open_with(from + 128 * random.below((whole.size() - from) / 128) + offset,
              static_cast<uint8_t>(1U << random.below(8)));
  }
}

TEST("a torn record of the clocks leaves the one before") {
  const Directory directory;
  const std::string path = directory.file("table");
  for (const size_t at : {size_t{2048}, size_t{2048 + 100}}) {
    std::filesystem::remove(path);
    fill(path, 100);
    change_byte(path, at + 20, 0x40);
    FileTable one(path, moment(kNow + 1, kWall));
    CHECK_EQUAL(one.file().replaced(), TableFound::kNothing);
    CHECK_EQUAL(found(one, 100, kNow + 1), uint64_t{100});
  }
}

TEST("a name that is damaged takes its pins with it, and nobody else's") {
  const Directory directory;
  const std::string path = directory.file("table");
  fill(path, 100);
  change_byte(path, kHeader + 136 * 2 + 8, 1);  // "b2"
  FileTable one(path, kFirst);
  CHECK_EQUAL(one.table->restored().dropped, size_t{20});
  CHECK_EQUAL(found(one, 100, kNow), uint64_t{80});
}

TEST("what is no table of ours is renamed as it is, and a new one begun") {
  const Directory directory;
  const std::string path = directory.file("table");
  fill(path, 100);
  const std::string whole = read_file(path);
  const auto with = [&](size_t at) {
    std::string bytes = whole;
    bytes[at] = static_cast<char>(bytes[at] ^ 1);
    return bytes;
  };
  const struct {
    std::string bytes;
    TableFound found;
  } files[] = {
      {"#!/bin/sh\nexit 0\n", TableFound::kForeign},
      {"x", TableFound::kForeign},
      {std::string(whole.size(), '\0'), TableFound::kForeign},
      {whole.substr(0, 8), TableFound::kVersion},
      {with(8), TableFound::kVersion},
      {with(70), TableFound::kDamaged},
      {whole.substr(0, 3000), TableFound::kDamaged},
      {whole.substr(0, whole.size() - 1), TableFound::kDamaged},
      {whole.substr(0, kHeader), TableFound::kDamaged},
      {whole + "x", TableFound::kDamaged},
      {whole.substr(0, 2048) + std::string(2048, 'x') + whole.substr(4096), TableFound::kDamaged},
  };
  std::set<std::string> names;
  for (const auto& [bytes, wanted] : files) {
    write_file(path, bytes);
    int error = 0;
    const TableShape shape{1000, StickTable::bytes_of(1000), kTtl, {32, 64, {}}};
    CHECK_EQUAL(TableFile::inspect(path, shape, error), wanted);
    CHECK_EQUAL(error, 0);
    CHECK(read_file(path) == bytes);
    FileTable one(path, kFirst);
    CHECK_EQUAL(one.file().replaced(), wanted);
    CHECK_EQUAL(one.file().generation(), uint64_t{1});
    CHECK_EQUAL(one.table->entries(), size_t{0});
    CHECK(read_file(one.file().aside()) == bytes);
    names.insert(one.file().aside());
  }
  // Nine are kept, the last of them in one place.
  CHECK_EQUAL(names.size(), size_t{9});
  CHECK(names.contains(path + ".aside") && names.contains(path + ".aside-9"));
}

TEST("a whole table of another size is set aside; an empty file is none") {
  const Directory directory;
  const std::string path = directory.file("table");
  fill(path, 100);
  {
    FileTable one(path, kFirst, {.size = 2000});
    CHECK_EQUAL(one.file().replaced(), TableFound::kOtherSize);
    CHECK_EQUAL(one.table->size(), size_t{2000});
  }
  write_file(path, "");
  FileTable one(path, kFirst);
  CHECK_EQUAL(one.file().replaced(), TableFound::kNothing);
  CHECK_EQUAL(one.file().generation(), uint64_t{1});
}

TEST("one owner: whoever comes second is told so, until the first is gone") {
  const Directory directory;
  const std::string path = directory.file("table");
  const TableShape shape{1000, StickTable::bytes_of(1000), kTtl, {32, 64, {}}};
  int error = 0;
  {
    FileTable first(path, kFirst);
    CHECK(FileTable(path, kFirst).error == EWOULDBLOCK);
    TableFile::inspect(path, shape, error);
    CHECK_EQUAL(error, EWOULDBLOCK);
  }
  CHECK_EQUAL(TableFile::inspect(path, shape, error), TableFound::kTable);
  CHECK_EQUAL(error, 0);
  CHECK(FileTable(path, kFirst).table != nullptr);
}

TEST("what cannot be had is an error, and leaves nothing behind") {
  const Directory directory;
  const std::string path = directory.file("table");
  CHECK_EQUAL(FileTable(directory.file("none/table"), kFirst).error, ENOENT);
  std::filesystem::create_directory(path);
  CHECK_EQUAL(FileTable(path, kFirst).error, EISDIR);
  std::filesystem::remove(path);
  std::filesystem::create_symlink(directory.file("other"), path);
  CHECK_EQUAL(FileTable(path, kFirst).error, ELOOP);
  CHECK(!std::filesystem::exists(directory.file("other")));
  std::filesystem::remove(path);
  CHECK(mkfifo(path.c_str(), 0600) == 0);
  CHECK_EQUAL(FileTable(path, kFirst).error, EINVAL);
  std::filesystem::remove(path);

  // No room for it: as on a full disk.
  const pid_t child = fork();
  if (child == 0) {
    signal(SIGXFSZ, SIG_IGN);
    const rlimit small{100'000, 100'000};
    setrlimit(RLIMIT_FSIZE, &small);
    _exit(FileTable(path, kFirst).error == EFBIG ? 0 : 1);
  }
  int status = 0;
  CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0);
  CHECK(!std::filesystem::exists(path));
}

TEST("any bytes changed, cut off or added: never a wrong pin, never a crash") {
  const Directory directory;
  const std::string path = directory.file("table");
  constexpr uint64_t kClients = 200;
  const FileTableOptions small{.size = 250};
  fill(path, kClients, small);
  const std::string whole = read_file(path);
  Random random;
  for (uint64_t i = 0; i < rounds(60, 5'000); i++) {
    std::string bytes = whole;
    // Half of the changes where there is most to break: the header, the names in use, the buckets.
    const size_t places[] = {random.below(kHeader), kHeader + random.below(136 * 6),
                             whole.size() - 1 - random.below(StickTable::bytes_of(small.size)),
                             random.below(whole.size())};
    for (uint64_t n = random.between(1, 40); n > 0; n--) {
      const size_t at = random.chance(50) ? places[random.below(4)] + random.below(8) : random.below(whole.size());
      if (at < bytes.size()) bytes[at] = static_cast<char>(random.next());
    }
    if (random.chance(10)) bytes.resize(random.below(bytes.size()));
    if (random.chance(10)) bytes.append(random.below(10'000), static_cast<char>(random.next()));
    write_file(path, bytes);
    FileTable one(path, moment(kNow + 1, kWall + 1), small);
    if (!CHECK(one.table != nullptr)) continue;
    const uint64_t there = found(one, kClients, kNow + 1);
    CHECK(there <= one.table->entries());
    for (uint64_t k = 0; k < 2 * kClients; k++) one.store(key(k), {backend(k), 0}, kNow + 2);
    CHECK(one.table->entries() <= kClients * 5 / 4 + 7);
    std::filesystem::remove(path + ".aside");
  }
}

TEST_MAIN
