// −log2(h / 2^64) in fixed point, the same to the bit on every machine: integers only, no libm.
#pragma once

#include <array>
#include <cstdint>

namespace limpet {

// Fraction bits of the result. Seven integer bits hold 0…64, so a result times a 16-bit weight fits in 79 bits.
inline constexpr unsigned kLogFractionBits = 56;

// Nodes of the piecewise linear interpolation of log2 over [1, 2). 2^11 segments keep the relative error of −log2(u)
// under 2.5e-4 everywhere, and equal for all backends where u is near 1, where weights are decided.
inline constexpr unsigned kLogSegmentBits = 11;

// Needs h > 0. Strictly positive and, because the nodes rise and each segment is a floor of a line, never increasing in
// h: backends of equal weight may be compared by h alone.
uint64_t negative_log2(uint64_t h);

}  // namespace limpet
