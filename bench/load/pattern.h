// The bytes of bulk transfers: one random text, read from a place that the session's seed gives, and from its beginning
// again. Sending needs no work, since what is sent lies ready; checking looks at some words of each piece.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <vector>

namespace limpet::bench {

class Pattern {
 public:
  static constexpr size_t kMostAtOnce = 256 * 1024;

  Pattern();

  // Up to kMostAtOnce bytes of a stream, from an offset on.
  const uint8_t* at(uint64_t seed, uint64_t offset) const { return text_.data() + (seed + offset) % kPeriod; }

  // Whether a piece is what the stream has there. Its first and last words are always looked at, so a byte that was
  // lost or doubled is found with the next piece at the latest; of the rest, one word in each 4 KiB, at random: a
  // single changed byte is found with a chance of 1 in 512, a changed page almost surely.
  bool matches(uint64_t seed, uint64_t offset, const uint8_t* piece, size_t count);

 private:
  // A prime, so that no power of two, as buffers and pages have, is a multiple of it.
  static constexpr uint64_t kPeriod = 1048573;

  uint64_t random();

  std::vector<uint8_t> text_;
  uint64_t state_ = 0x9e3779b97f4a7c15;
};

}  // namespace limpet::bench
