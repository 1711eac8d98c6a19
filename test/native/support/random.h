// Numbers that are random, but the same in every run with the same seed.
#pragma once

#include <cstdint>
#include <string>

#include "core/hash.h"
#include "support/test.h"

namespace limpet::test {

class Random {
 public:
  // `stream`: another sequence of the same seed.
  explicit Random(uint64_t stream = 0) : state_(mix64(seed() ^ mix64(stream + 1))) {}

  uint64_t next() {
    state_ += 0x9e3779b97f4a7c15ULL;
    return mix64(state_);
  }
  // 0…limit−1; limit > 0.
  uint64_t below(uint64_t limit) { return next() % limit; }
  // Both ends included.
  uint64_t between(uint64_t low, uint64_t high) { return low + below(high - low + 1); }
  bool chance(unsigned percent) { return below(100) < percent; }

 private:
  uint64_t state_;
};

inline Secret make_secret(uint64_t stream) {
  Random random(stream ^ 0x5ec7e7ULL);
  Secret secret{};
  for (uint8_t& byte : secret) byte = static_cast<uint8_t>(random.next());
  return secret;
}

}  // namespace limpet::test
