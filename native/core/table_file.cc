#include "table_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <ctime>
#include <utility>

#include "stick_table.h"

namespace limpet {

namespace {

constexpr char kMagic[8] = {'L', 'I', 'M', 'P', 'E', 'T', 'S', 'T'};
// Of everything that this file and StickTable's buckets lay out; a change of either needs another one.
constexpr uint32_t kVersion = 1;
constexpr uint32_t kByteOrder = 0x01020304;
constexpr size_t kHeaderBytes = 4096;
constexpr size_t kClocksAt = 2048;
constexpr size_t kLongestName = 128;
constexpr size_t kNames = size_t{kMaxPinBackend} + 1;

constexpr long kLockPauseNs = 20'000'000;
constexpr unsigned kLockTries = 50;  // a killed process may be a moment in dying
constexpr unsigned kOpenTries = 8;
constexpr unsigned kMostAside = 9;

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }
  int take() { return std::exchange(fd_, -1); }

 private:
  int fd_;
};

// 0 or an errno.
int lock(int fd, int how, unsigned tries) {
  for (unsigned i = 0;; i++) {
    if (flock(fd, how | LOCK_NB) == 0) return 0;
    if (errno != EWOULDBLOCK && errno != EINTR) return errno;
    if (i + 1 >= tries) return EWOULDBLOCK;
    const timespec pause{0, kLockPauseNs};
    nanosleep(&pause, nullptr);
  }
}

// Every block, so that no later store into the mapping finds the disk full (SIGBUS). 0 or an errno.
int allocate(int fd, size_t bytes) {
#ifdef __linux__
  for (;;) {
    const int error = posix_fallocate(fd, 0, static_cast<off_t>(bytes));
    if (error != EINTR) return error;
  }
#else
  (void)fd;
  (void)bytes;
  return ENOTSUP;
#endif
}

int write_page(int fd, const uint8_t* page) {
  for (size_t done = 0; done < kHeaderBytes;) {
    const ssize_t wrote = pwrite(fd, page + done, kHeaderBytes - done, static_cast<off_t>(done));
    if (wrote < 0 && errno != EINTR) return errno;
    if (wrote > 0) done += static_cast<size_t>(wrote);
  }
  return 0;
}

// How much there was, up to a page; negative: -errno.
ssize_t read_page(int fd, uint8_t* page) {
  size_t done = 0;
  while (done < kHeaderBytes) {
    const ssize_t got = pread(fd, page + done, kHeaderBytes - done, static_cast<off_t>(done));
    if (got < 0 && errno != EINTR) return -errno;
    if (got == 0) break;
    if (got > 0) done += static_cast<size_t>(got);
  }
  return static_cast<ssize_t>(done);
}

bool is_same_file(int fd, const std::string& path) {
  struct stat opened {};
  struct stat named {};
  return fstat(fd, &opened) == 0 && lstat(path.c_str(), &named) == 0 && opened.st_dev == named.st_dev &&
         opened.st_ino == named.st_ino;
}

// Renames what is at `path`, whose lock is held; the ninth takes the place of the ninth before. 0 or an errno.
int set_aside(const std::string& path, std::string& aside) {
  for (unsigned i = 1; i <= kMostAside; i++) {
    aside = path;
    aside.append(".aside");
    if (i > 1) aside.append(1, '-').append(std::to_string(i));
    struct stat there {};
    if (i < kMostAside && lstat(aside.c_str(), &there) == 0) continue;
    return rename(path.c_str(), aside.c_str()) == 0 ? 0 : errno;
  }
  return EEXIST;
}

uint64_t key_check(const KeyRules& keys) { return keyed_hash(kMagic, sizeof kMagic, keys.secret); }

bool is_known(const std::array<uint8_t, 16>& boot) {
  return std::any_of(boot.begin(), boot.end(), [](uint8_t byte) { return byte != 0; });
}

}  // namespace

struct TableFile::Lasting {
  char magic[8];
  uint32_t version;
  uint32_t byte_order;
  uint32_t header_bytes;
  uint32_t name_bytes;
  uint32_t names;
  uint32_t bucket_bytes;
  uint64_t size;
  uint64_t table_bytes;
  uint64_t created_wall_ms;
  Secret secret;
  uint64_t checksum;

  uint64_t sum() const { return plain_hash(this, offsetof(Lasting, checksum)); }
};

struct TableFile::Clocks {
  uint64_t number;  // the higher is the later one
  uint64_t generation;
  uint64_t monotonic_ms;
  uint64_t wall_ms;
  std::array<uint8_t, 16> boot;
  uint64_t clock_offset;
  uint64_t ttl_ms;
  uint64_t key_check;
  uint32_t ipv4_prefix;
  uint32_t ipv6_prefix;
  uint64_t checksum;

  uint64_t sum() const { return plain_hash(this, offsetof(Clocks, checksum)); }
  bool valid() const { return number != 0 && checksum == sum(); }
};

struct TableFile::Name {
  uint32_t check;
  uint16_t generation;
  uint16_t length;
  char text[kLongestName];

  // Never 0, which is nobody's.
  uint32_t sum(uint16_t index) const {
    const uint64_t own = plain_hash(&generation, offsetof(Name, text) - offsetof(Name, generation) + length);
    return static_cast<uint32_t>(mix64(own + index) >> 32) | 1;
  }
  bool valid(uint16_t index) const {
    return check != 0 && length <= kLongestName && generation < kGenerations && check == sum(index);
  }
};

std::array<uint8_t, 16> boot_of_machine() {
  std::array<uint8_t, 16> boot{};
  const Descriptor file(::open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC));
  char text[64] = {};
  if (file.get() < 0 || read(file.get(), text, sizeof text - 1) <= 0) return boot;
  size_t digits = 0;
  for (const char c : text) {
    const bool is_digit = c >= '0' && c <= '9';
    if (!is_digit && (c < 'a' || c > 'f')) continue;
    const auto value = static_cast<uint8_t>(is_digit ? c - '0' : c - 'a' + 10);
    if (digits < 2 * boot.size()) boot[digits / 2] = static_cast<uint8_t>(boot[digits / 2] << 4 | value);
    digits++;
  }
  return boot;
}

size_t TableFile::file_bytes(const TableShape& shape) {
  constexpr size_t kPage = 4096;
  static_assert(kHeaderBytes + kNames * sizeof(Name) == (kHeaderBytes + kNames * sizeof(Name)) / kPage * kPage);
  return kHeaderBytes + kNames * sizeof(Name) + shape.table_bytes;
}

TableFile::~TableFile() {
  munmap(memory_, bytes_);
  close(fd_);  // and with it the lock
}

void* TableFile::buckets() const { return memory_ + kHeaderBytes + kNames * sizeof(Name); }

const Secret& TableFile::secret() const { return reinterpret_cast<const Lasting*>(memory_)->secret; }

TableFile::Name* TableFile::names() const { return reinterpret_cast<Name*>(memory_ + kHeaderBytes); }

TableFile::Clocks* TableFile::clocks(unsigned at) const { return reinterpret_cast<Clocks*>(memory_ + kClocksAt) + at; }

const TableFile::Clocks* TableFile::newest(const uint8_t* page) {
  const auto* const both = reinterpret_cast<const Clocks*>(page + kClocksAt);
  if (!both[0].valid()) return both[1].valid() ? &both[1] : nullptr;
  return both[1].valid() && both[1].number > both[0].number ? &both[1] : &both[0];
}

// Into an empty file. 0 or an errno.
int TableFile::make(int fd, const TableShape& shape, const TableMoment& now, const Secret& fresh) {
  static_assert(sizeof(Lasting) <= kClocksAt && kClocksAt + 2 * sizeof(Clocks) <= kHeaderBytes);
  if (const int error = allocate(fd, file_bytes(shape))) return error;
  alignas(8) uint8_t page[kHeaderBytes] = {};
  auto& lasting = *reinterpret_cast<Lasting*>(page);
  std::memcpy(lasting.magic, kMagic, sizeof kMagic);
  lasting.version = kVersion;
  lasting.byte_order = kByteOrder;
  lasting.header_bytes = kHeaderBytes;
  lasting.name_bytes = sizeof(Name);
  lasting.names = kNames;
  lasting.bucket_bytes = StickTable::kBucketBytes;
  lasting.size = shape.size;
  lasting.table_bytes = shape.table_bytes;
  lasting.created_wall_ms = now.wall_ms;
  lasting.secret = fresh;
  lasting.checksum = lasting.sum();
  auto& clocks = *reinterpret_cast<Clocks*>(page + kClocksAt);
  clocks = {1,
            0,
            now.monotonic_ms,
            now.wall_ms,
            now.boot,
            0,
            shape.ttl_ms,
            key_check(shape.keys),
            shape.keys.ipv4_prefix,
            shape.keys.ipv6_prefix,
            0};
  clocks.checksum = clocks.sum();
  return write_page(fd, page);
}

TableFound TableFile::examine(int fd, const TableShape& shape, int& error) {
  struct stat status {};
  if (fstat(fd, &status) != 0) error = errno;
  if (error == 0 && !S_ISREG(status.st_mode)) error = EINVAL;
  if (error != 0 || status.st_size == 0) return TableFound::kNothing;
  alignas(8) uint8_t page[kHeaderBytes] = {};
  const ssize_t got = read_page(fd, page);
  if (got < 0) error = static_cast<int>(-got);
  if (got < 0) return TableFound::kNothing;
  const auto& lasting = *reinterpret_cast<const Lasting*>(page);
  if (std::memcmp(lasting.magic, kMagic, sizeof kMagic) != 0) return TableFound::kForeign;
  if (lasting.version != kVersion || lasting.byte_order != kByteOrder || lasting.header_bytes != kHeaderBytes ||
      lasting.name_bytes != sizeof(Name) || lasting.names != kNames ||
      lasting.bucket_bytes != StickTable::kBucketBytes) {
    return TableFound::kVersion;
  }
  if (static_cast<size_t>(got) < kHeaderBytes || lasting.checksum != lasting.sum() || !newest(page)) {
    return TableFound::kDamaged;
  }
  const bool same_size = lasting.size == shape.size && lasting.table_bytes == shape.table_bytes;
  const TableShape own{lasting.size, lasting.table_bytes, 0, {}};
  if (static_cast<size_t>(status.st_size) != file_bytes(own)) return TableFound::kDamaged;
  return same_size ? TableFound::kTable : TableFound::kOtherSize;
}

TableFound TableFile::inspect(const std::string& path, const TableShape& shape, int& error) {
  error = 0;
  const Descriptor file(::open(path.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  if (file.get() < 0 && errno != ENOENT) error = errno;
  if (file.get() < 0) return TableFound::kNothing;
  const TableFound found = examine(file.get(), shape, error);
  // Shared, and for a moment: who opens the table in this moment tries again.
  if (error == 0) error = lock(file.get(), LOCK_SH, 1);
  return found;
}

std::unique_ptr<TableFile> TableFile::map(int fd, const TableShape& shape, const TableMoment& now, int& error) {
  const size_t bytes = file_bytes(shape);
  // A file of a backup may have holes.
  error = allocate(fd, bytes);
  if (error != 0) return nullptr;
  void* const memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (memory == MAP_FAILED) error = errno;
  if (memory == MAP_FAILED) return nullptr;
  std::unique_ptr<TableFile> file(new TableFile(fd, static_cast<uint8_t*>(memory), bytes));
  file->resume(shape, now);
  return file;
}

std::unique_ptr<TableFile> TableFile::open(const std::string& path, const TableShape& shape, const TableMoment& now,
                                           const Secret& fresh, int& error) {
  TableFound replaced = TableFound::kNothing;
  std::string aside;
  for (unsigned i = 0; i < kOpenTries; i++) {
    Descriptor fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600));
    error = fd.get() < 0 ? errno : lock(fd.get(), LOCK_EX, kLockTries);
    if (error != 0) return nullptr;
    // Renamed by who had the lock before: that is not the table any more.
    if (!is_same_file(fd.get(), path)) continue;
    const TableFound found = examine(fd.get(), shape, error);
    if (error == 0 && found != TableFound::kNothing && found != TableFound::kTable) {
      replaced = found;
      error = set_aside(path, aside);
      if (error != 0) return nullptr;
      continue;
    }
    // It has the secret: nobody else's to read.
    if (error == 0 && fchmod(fd.get(), 0600) != 0) error = errno;
    if (error != 0) return nullptr;
    if (found == TableFound::kNothing) {
      error = make(fd.get(), shape, now, fresh);
      if (error != 0) unlink(path.c_str());
      if (error != 0) return nullptr;
    }
    auto file = map(fd.get(), shape, now, error);
    if (!file) return nullptr;
    fd.take();
    file->replaced_ = replaced;
    file->aside_ = replaced == TableFound::kNothing ? "" : aside;
    return file;
  }
  error = EWOULDBLOCK;
  return nullptr;
}

void TableFile::resume(const TableShape& shape, const TableMoment& now) {
  shape_ = shape;
  const Clocks& last = *newest(memory_);
  generation_ = last.generation + 1;
  saved_ttl_ = std::clamp<uint64_t>(last.ttl_ms, 1, StickTable::kMaxTtlMs);
  clock_offset_ = last.clock_offset;
  const bool same_boot = is_known(now.boot) && now.boot == last.boot && now.monotonic_ms >= last.monotonic_ms;
  if (!same_boot) {
    const uint64_t away = now.wall_ms > last.wall_ms ? std::min(now.wall_ms - last.wall_ms, saved_ttl_) : 0;
    const uint64_t then = StickTable::ticks(last.monotonic_ms) + last.clock_offset;
    clock_offset_ = then + StickTable::ticks(away) - StickTable::ticks(now.monotonic_ms);
  }
  const auto same = [&](KeyKind kind, bool is_same) {
    if (is_same) same_kinds_ |= 1U << static_cast<unsigned>(kind);
  };
  const bool same_ipv6 = last.ipv6_prefix == shape.keys.ipv6_prefix;
  same(KeyKind::kIpv4, last.ipv4_prefix == shape.keys.ipv4_prefix);
  same(KeyKind::kIpv6, same_ipv6);
  same(KeyKind::kHashed, same_ipv6 && last.key_check == key_check(shape.keys));
}

// Both records: none may speak of what was in force before.
void TableFile::begin(const TableMoment& now) {
  saved_ttl_ = shape_.ttl_ms;
  mark(now);
  mark(now);
}

void TableFile::mark(const TableMoment& now) {
  const Clocks* const last = newest(memory_);
  const uint64_t number = last ? last->number + 1 : 1;
  Clocks next{number,
              generation_,
              now.monotonic_ms,
              now.wall_ms,
              now.boot,
              clock_offset_,
              shape_.ttl_ms,
              key_check(shape_.keys),
              shape_.keys.ipv4_prefix,
              shape_.keys.ipv6_prefix,
              0};
  next.checksum = next.sum();
  *clocks(last == clocks(0) ? 1 : 0) = next;
}

void TableFile::each_name(FunctionRef<void(uint16_t, uint16_t, std::string_view)> visit) const {
  for (size_t i = 0; i < kNames; i++) {
    const Name& name = names()[i];
    const auto index = static_cast<uint16_t>(i);
    if (name.valid(index)) visit(index, name.generation, {name.text, name.length});
  }
}

// A longer name than fits is none: its pins are forgotten with the process. The configuration has no such names.
void TableFile::set_name(uint16_t index, uint16_t generation, std::string_view text) {
  Name& name = names()[index];
  Name next{};
  next.generation = generation;
  if (text.size() <= kLongestName) {
    next.length = static_cast<uint16_t>(text.size());
    std::memcpy(next.text, text.data(), text.size());
  }
  next.check = next.sum(index);
  name = next;
}

}  // namespace limpet
