#include "fixed_log2.h"

#include <bit>

namespace limpet {

namespace {

constexpr unsigned kNodes = (1U << kLogSegmentBits) + 1;
__extension__ using Wide = unsigned __int128;

// log2 of m / 2^63 for m in [2^63, 2^64), by repeated squaring: one bit of the result a step.
constexpr uint64_t log2_bits(uint64_t m) {
  uint64_t result = 0;
  for (int bit = kLogFractionBits - 1; bit >= 0; bit--) {
    const Wide square = Wide{m} * m >> 63;
    const bool carry = (square >> 64) != 0;
    if (carry) result |= 1ULL << bit;
    m = static_cast<uint64_t>(carry ? square >> 1 : square);
  }
  return result;
}

std::array<uint64_t, kNodes> make_nodes() {
  std::array<uint64_t, kNodes> nodes{};
  for (unsigned i = 0; i + 1 < kNodes; i++)
    nodes[i] = log2_bits((1ULL << 63) + (uint64_t{i} << (63 - kLogSegmentBits)));
  nodes[kNodes - 1] = 1ULL << kLogFractionBits;
  return nodes;
}

const std::array<uint64_t, kNodes>& nodes() {
  static const std::array<uint64_t, kNodes> table = make_nodes();
  return table;
}

}  // namespace

uint64_t negative_log2(uint64_t h) {
  static const auto& table = nodes();
  constexpr unsigned kRestBits = 63 - kLogSegmentBits;
  const auto zeros = static_cast<unsigned>(std::countl_zero(h));
  const uint64_t m = h << zeros;
  const auto segment = static_cast<unsigned>(m >> kRestBits) & ((1U << kLogSegmentBits) - 1);
  const uint64_t rest = m & ((1ULL << kRestBits) - 1);
  const uint64_t rise = table[segment + 1] - table[segment];
  const uint64_t fraction = table[segment] + static_cast<uint64_t>(Wide{rise} * rest >> kRestBits);
  return (uint64_t{1 + zeros} << kLogFractionBits) - fraction;
}

}  // namespace limpet
