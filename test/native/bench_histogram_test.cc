// The histogram of the load generator against all values, sorted.
#include "../../bench/load/histogram.h"

#include <algorithm>
#include <vector>

#include "support/random.h"
#include "support/test.h"

using namespace limpet::bench;
using namespace limpet::test;

namespace {

// The value that so many thousandths do not exceed.
uint64_t exact(const std::vector<uint64_t>& sorted, unsigned thousandths) {
  const size_t rank = (sorted.size() * thousandths + 999) / 1000;
  return sorted[rank == 0 ? 0 : rank - 1];
}

void check_quantiles(std::vector<uint64_t> values) {
  Histogram histogram;
  for (const uint64_t value : values) histogram.add(value);
  std::sort(values.begin(), values.end());
  CHECK_EQUAL(histogram.total(), uint64_t{values.size()});
  CHECK_EQUAL(histogram.most(), values.back());
  for (const unsigned thousandths : {1u, 500u, 900u, 990u, 999u, 1000u}) {
    const uint64_t wanted = exact(values, thousandths);
    const uint64_t given = histogram.quantile(thousandths);
    CHECK(given >= wanted);
    CHECK(given - wanted <= wanted / 64);
  }
}

}  // namespace

TEST("small values are exact") {
  std::vector<uint64_t> values;
  for (uint64_t i = 0; i < 128; i++) values.push_back(i);
  check_quantiles(values);
  Histogram histogram;
  for (const uint64_t value : values) histogram.add(value);
  CHECK_EQUAL(histogram.quantile(500), uint64_t{63});
}

TEST("one value of any size") {
  for (unsigned bits = 0; bits < 64; bits++) {
    for (const uint64_t value : {uint64_t{1} << bits, (uint64_t{1} << bits) - 1, (uint64_t{1} << bits) + 1}) {
      check_quantiles({value});
    }
  }
  check_quantiles({UINT64_MAX});
}

TEST("many values over all sizes") {
  Random random(1);
  for (unsigned round = 0; round < 20; round++) {
    std::vector<uint64_t> values;
    for (unsigned i = 0; i < 5000; i++) values.push_back(random.next() >> random.below(64));
    check_quantiles(values);
  }
}

TEST("those of several threads add up") {
  Random random(2);
  Histogram one, other, both;
  for (unsigned i = 0; i < 10'000; i++) {
    const uint64_t value = random.below(1'000'000);
    (i % 3 == 0 ? one : other).add(value);
    both.add(value);
  }
  one.add(other);
  for (const unsigned thousandths : {1u, 500u, 999u})
    CHECK_EQUAL(one.quantile(thousandths), both.quantile(thousandths));
  CHECK_EQUAL(one.total(), both.total());
  CHECK_EQUAL(one.most(), both.most());
}

TEST("nothing has no quantile") {
  const Histogram histogram;
  CHECK_EQUAL(histogram.quantile(990), uint64_t{0});
}

TEST_MAIN
