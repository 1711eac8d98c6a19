// The head of a connection: the first bytes of a client, looked at before a backend is picked, and what is found in
// them.
//
// Every parser here is a pure function of the bytes that have come so far. It keeps nothing between two calls, so the
// verdict cannot depend on how the bytes were split; the caller asks again when more have come, up to a limit of its
// own. Verdicts are final: what is kFound or kMissing for some bytes is the same for any bytes that begin with them.
// (test/fuzz/head.cc holds both.)
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace limpet {

using Bytes = std::span<const uint8_t>;

enum class Verdict : uint8_t {
  kMore = 0,     // the bytes end too early to tell
  kFound = 1,    // there is a key
  kMissing = 2,  // another protocol, or none in it: no byte that may follow would change that
};

// `key` points into the head, or into the scratch space of the caller; it is never empty where it is found.
struct Extraction {
  Verdict verdict = Verdict::kMissing;
  std::string_view key;
};

inline constexpr Extraction kNeedsMore{Verdict::kMore, {}};
inline constexpr Extraction kNoKey{Verdict::kMissing, {}};

inline Extraction found(std::string_view key) { return key.empty() ? kNoKey : Extraction{Verdict::kFound, key}; }

// The most of a head that is looked at: `peek.bytes` is this at most.
inline constexpr size_t kMaxHeadBytes = 64 * 1024;

// Room for what is not found in one piece. One for each thread: 64 KiB are too many for a stack.
using Scratch = std::array<uint8_t, kMaxHeadBytes>;

inline std::string_view text_of(Bytes bytes) { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }
inline Bytes bytes_of(std::string_view text) { return {reinterpret_cast<const uint8_t*>(text.data()), text.size()}; }

// Reads forwards, numbers in network byte order. What lies past the end reads as zero or empty, and `overrun()` tells.
class Reader {
 public:
  explicit Reader(Bytes bytes) : bytes_(bytes) {}

  bool overrun() const { return overrun_; }
  size_t left() const { return bytes_.size(); }
  Bytes rest() const { return bytes_; }

  Bytes take(size_t count) {
    if (count > bytes_.size()) {
      overrun_ = true;
      bytes_ = {};
      return {};
    }
    const Bytes taken = bytes_.first(count);
    bytes_ = bytes_.subspan(count);
    return taken;
  }
  uint32_t number(unsigned size) {
    uint32_t value = 0;
    for (const uint8_t byte : take(size)) value = value << 8 | byte;
    return value;
  }
  uint8_t u8() { return static_cast<uint8_t>(number(1)); }
  uint16_t u16() { return static_cast<uint16_t>(number(2)); }
  uint32_t u24() { return number(3); }
  uint32_t u32() { return number(4); }

 private:
  Bytes bytes_;
  bool overrun_ = false;
};

}  // namespace limpet
