// The stick table's memory as a file of fixed size, which outlives the process: mapped and shared, so that what was
// stored is there after a SIGKILL, without a single write call.
//
// In the file, all in the byte order of the machine:
//   page 0     what never changes (magic, version, layout, the secret that chooses buckets; a checksum), and two
//   records
//              of the clocks, written in turn, each with a checksum: a torn one leaves the one before
//   dictionary registry index → generation and name of the backend: pins find theirs by name in the next process
//   buckets    StickTable's, each with a check value of its own
//
// A file is believed only if all that it says of itself fits. Otherwise it is renamed and a new one begun.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "affinity_key.h"
#include "function_ref.h"
#include "hash.h"
#include "pin.h"

namespace limpet {

// Now, by both clocks. `boot`: which start of the machine the monotonic one counts from; all 0: unknown, which is no
// other moment's boot.
struct TableMoment {
  uint64_t monotonic_ms = 0;
  uint64_t wall_ms = 0;
  std::array<uint8_t, 16> boot{};
};

// Of the running machine; all 0: it does not tell.
std::array<uint8_t, 16> boot_of_machine();

// What a table is to be like.
struct TableShape {
  uint64_t size = 0;
  uint64_t table_bytes = 0;
  uint64_t ttl_ms = 0;
  KeyRules keys;
};

// What a file is. All but kNothing and kTable are set aside.
enum class TableFound : uint8_t {
  kNothing,    // none, or an empty one
  kTable,      // ours, and as it should be
  kForeign,    // not a stick table
  kVersion,    // of another version or another kind of machine
  kDamaged,    // ours, but its length or its checksums do not fit
  kOtherSize,  // ours, and whole, of another size than is configured
};

class TableFile {
 public:
  // Opens or makes the file, mode 0600, and locks it for as long as this object lives. Null: `error` is an errno;
  // EWOULDBLOCK: somebody else has it, who was waited for a second. `fresh`: the secret of a new file.
  static std::unique_ptr<TableFile> open(const std::string& path, const TableShape& shape, const TableMoment& now,
                                         const Secret& fresh, int& error);
  // What open() would find; touches nothing. `error`: an errno why it could not, EWOULDBLOCK: somebody has it.
  static TableFound inspect(const std::string& path, const TableShape& shape, int& error);
  ~TableFile();
  TableFile(const TableFile&) = delete;
  TableFile& operator=(const TableFile&) = delete;

  // Which opening of the file this is; 1: it was made.
  uint64_t generation() const { return generation_; }
  // What was in its place and is now at aside(); kNothing: nothing was.
  TableFound replaced() const { return replaced_; }
  const std::string& aside() const { return aside_; }

  void* buckets() const;
  const Secret& secret() const;
  // To be added to ticks of the monotonic clock: after another start of the machine they go on where they stopped.
  uint64_t clock_offset() const { return clock_offset_; }
  // Milliseconds; what the pins' expiries were made with.
  uint64_t saved_ttl() const { return saved_ttl_; }
  // Whether keys of this kind were made as they are now.
  bool same_keys(KeyKind kind) const { return (same_kinds_ >> static_cast<unsigned>(kind) & 1) != 0; }

  // Everything is restored: from now on the file says of itself what is in force now.
  void begin(const TableMoment& now);
  // The machine may stop at any time: the age of pins is counted from the last call. One thread at a time.
  void mark(const TableMoment& now);

  // The dictionary; one thread at a time.

  // Calls `visit` for each index that is known. An empty name: the backend is gone, its generation is used up.
  void each_name(FunctionRef<void(uint16_t index, uint16_t generation, std::string_view name)> visit) const;
  // Before there is any pin to it.
  void set_name(uint16_t index, uint16_t generation, std::string_view name);

 private:
  struct Lasting;
  struct Clocks;
  struct Name;

  TableFile(int fd, uint8_t* memory, size_t bytes) : fd_(fd), memory_(memory), bytes_(bytes) {}
  static size_t file_bytes(const TableShape& shape);
  static int make(int fd, const TableShape& shape, const TableMoment& now, const Secret& fresh);
  static TableFound examine(int fd, const TableShape& shape, int& error);
  static std::unique_ptr<TableFile> map(int fd, const TableShape& shape, const TableMoment& now, int& error);
  static const Clocks* newest(const uint8_t* page);
  Clocks* clocks(unsigned at) const;
  Name* names() const;
  void resume(const TableShape& shape, const TableMoment& now);

  const int fd_;
  uint8_t* const memory_;
  const size_t bytes_;
  uint64_t generation_ = 0;
  TableFound replaced_ = TableFound::kNothing;
  std::string aside_;
  uint64_t clock_offset_ = 0;
  uint64_t saved_ttl_ = 0;
  unsigned same_kinds_ = 0;
  TableShape shape_;
};

}  // namespace limpet
