// How fast new sessions of one key may come: a token bucket a key, in a table of fixed size.
//
// A bucket is one number (GCRA, the generic cell rate algorithm of ITU-T I.371, which decides as a token bucket does):
// the time at which it is full again. One whose time has come says nothing that an empty cell does not, so a cell is
// given to another key without losing anything, and nothing has to be swept.
//
// Where all cells of a line are in use, keys that have none share one bucket of the line: stricter than their own,
// never unlimited.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "affinity_key.h"
#include "spin_lock.h"

namespace limpet {

class KeyRates {
 public:
  enum class Verdict : uint8_t {
    kYes,
    kNo,
    kYesShared,  // of the bucket that keys without one share
    kNoShared,
  };

  // `per_second` > 0 tokens come back a second; a full bucket holds `burst` > 0. `lines`: a power of two.
  KeyRates(uint32_t per_second, uint32_t burst, size_t lines);
  KeyRates(const KeyRates&) = delete;
  KeyRates& operator=(const KeyRates&) = delete;

  // Takes a token of the key, if there is one. `hash`: a keyed hash of the key. Any thread; locks one line. `now_ms`: a
  // monotonic clock; threads whose clocks differ a little give the later one its due.
  Verdict take(const AffinityKey& key, uint64_t hash, uint64_t now_ms);

  size_t lines() const { return mask_ + 1; }

  static constexpr size_t kCells = 3;

 private:
  struct Cell {
    uint64_t key = 0;
    uint64_t full_ns = 0;  // when the bucket is full; in the past: the cell is free
  };
  struct alignas(64) Line {
    SpinLock lock;
    std::array<KeyKind, kCells> kinds{};
    uint64_t shared_full_ns = 0;
    std::array<Cell, kCells> cells{};
  };
  static_assert(sizeof(Line) == 64);

  bool take_from(uint64_t& full_ns, uint64_t now_ns) const;

  const uint64_t token_ns_;  // until one comes back
  const uint64_t slack_ns_;  // how far from full a bucket may be that has one left
  const size_t mask_;
  const std::unique_ptr<Line[]> lines_;
};

}  // namespace limpet
