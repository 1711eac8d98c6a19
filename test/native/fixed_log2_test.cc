// −log2(h / 2^64) in fixed point.
#include "core/fixed_log2.h"

#include <cmath>

#include "support/random.h"
#include "support/test.h"

using namespace limpet;
using limpet::test::Random;
using limpet::test::rounds;

namespace {

constexpr uint64_t kOne = 1ULL << kLogFractionBits;
constexpr unsigned kRestBits = 63 - kLogSegmentBits;

// Exact enough near 1, too, where log2l(h / 2^64) would cancel.
long double exact(uint64_t h) {
  const auto gap = static_cast<long double>(~h) + 1.0L;  // 2^64 − h
  const long double u = static_cast<long double>(h) / 18446744073709551616.0L;
  const long double value = gap < 1e18L ? -std::log1p(-gap / 18446744073709551616.0L) / std::log(2.0L) : -std::log2(u);
  return value * static_cast<long double>(kOne);
}

// Relative error, apart from the last bit of the fixed point, which is all there is where u is within 2^-44 of 1.
bool close_enough(uint64_t h) {
  const long double wanted = exact(h);
  const long double error = std::fabs(static_cast<long double>(negative_log2(h)) - wanted);
  return error <= 2.5e-4L * wanted + 1.0L;
}

// In order, so that each is compared with its neighbour; false at the first fault.
bool walk(uint64_t first, uint64_t last) {
  uint64_t previous = negative_log2(first);
  for (uint64_t h = first;; h++) {
    const uint64_t value = negative_log2(h);
    if (value == 0 || value > previous || !close_enough(h)) {
      std::fprintf(stderr, "  h = %llu\n", static_cast<unsigned long long>(h));
      return false;
    }
    if (h == last) return true;
    previous = value;
  }
}

}  // namespace

TEST("powers of two are exact") {
  for (unsigned bit = 0; bit < 64; bit++)
    CHECK_EQUAL(negative_log2(1ULL << bit), uint64_t{64 - bit} << kLogFractionBits);
}

TEST("nodes of the interpolation are exact to the last bits") {
  // (1 + i/2^11) · 2^63; repeated squaring loses less than the fraction's low 16 bits.
  for (uint64_t i = 0; i < 1U << kLogSegmentBits; i++) {
    const uint64_t h = (1ULL << 63) + (i << kRestBits);
    CHECK(std::fabs(static_cast<long double>(negative_log2(h)) - exact(h)) < 65536.0L);
  }
}

TEST("known values") {
  CHECK_EQUAL(negative_log2(1), 64 * kOne);
  CHECK_EQUAL(negative_log2(1ULL << 63), kOne);
  // −log2(3/4) = 0.41503749927884381854626…: floor of the line at a node, so at most a few units off.
  const auto three_quarters = static_cast<int64_t>(negative_log2(3ULL << 62));
  CHECK_WITHIN(three_quarters - 29906603633551736, int64_t{-65536}, int64_t{65536});
  CHECK_EQUAL(negative_log2(3), 62 * kOne + negative_log2(3ULL << 62));  // 3 = 3/4 · 4
}

TEST("strictly positive up to the largest h") {
  CHECK(negative_log2(UINT64_MAX) >= 1);
  for (uint64_t gap = 0; gap < 100'000; gap++) {
    if (negative_log2(UINT64_MAX - gap) == 0) FAIL("zero");
  }
}

TEST("small h: every one in order, within 2.5e-4") { CHECK(walk(1, rounds(200'000, 5'000'000))); }

TEST("large h: every one in order, within 2.5e-4") { CHECK(walk(UINT64_MAX - rounds(200'000, 5'000'000), UINT64_MAX)); }

TEST("around every border of a segment, at several exponents, every h in order") {
  const uint64_t reach = rounds(6, 64);
  bool ok = true;
  // The last border of an exponent is the first of the next one; of the largest it is 2^64, the end of the numbers.
  for (const unsigned shift : {0U, 1U, 9U, 30U, 40U, 51U}) {
    for (uint64_t i = 0; i <= 1U << kLogSegmentBits; i++) {
      const uint64_t border = ((1ULL << 63 >> shift) + (i << (kRestBits - shift)));
      if (border == 0) {
        ok = ok && walk(UINT64_MAX - reach, UINT64_MAX);
      } else {
        ok = ok && walk(border - reach, border + reach);
      }
    }
  }
  CHECK(ok);
}

TEST("around every power of two, every h in order") {
  for (unsigned bit = 8; bit < 64; bit++) CHECK(walk((1ULL << bit) - 200, (1ULL << bit) + 200));
}

TEST("random h: within 2.5e-4 and in order") {
  Random random;
  const uint64_t count = rounds(1'000'000, 30'000'000);
  bool ok = true;
  for (uint64_t i = 0; i < count && ok; i++) {
    uint64_t a = (random.next() >> random.below(64)) | 1;
    uint64_t b = i % 2 == 0 ? random.next() : a + random.below(1ULL << 20);
    if (b == 0) b = 1;
    if (a > b) std::swap(a, b);
    ok = negative_log2(a) >= negative_log2(b) && close_enough(a) && close_enough(b);
    if (!ok)
      std::fprintf(stderr, "  h = %llu, %llu\n", static_cast<unsigned long long>(a),
                   static_cast<unsigned long long>(b));
  }
  CHECK(ok);
}

TEST_MAIN
