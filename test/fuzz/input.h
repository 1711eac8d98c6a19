// A fuzzer's input as a stream of choices, and checks that end the run: libFuzzer then keeps the input.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <span>

#include "support/test.h"

namespace limpet::fuzz {

// Reads from the front; zeros once it has ended.
class Input {
 public:
  Input(const uint8_t* data, size_t size) : bytes_(data, size) {}

  bool ended() const { return bytes_.empty(); }
  std::span<const uint8_t> rest() const { return bytes_; }
  uint8_t byte() {
    if (bytes_.empty()) return 0;
    const uint8_t first = bytes_.front();
    bytes_ = bytes_.subspan(1);
    return first;
  }
  uint16_t word() {
    const unsigned high = byte();
    return static_cast<uint16_t>(high << 8 | byte());
  }
  // 0…limit−1, from one byte: limit ≤ 256.
  uint8_t below(unsigned limit) { return static_cast<uint8_t>(byte() % limit); }
  bool flag() { return (byte() & 1) != 0; }
  template <typename T, size_t N>
  const T& one_of(const T (&values)[N]) {
    return values[below(N)];
  }

 private:
  std::span<const uint8_t> bytes_;
};

}  // namespace limpet::fuzz

#define EXPECT(condition)                \
  do {                                   \
    if (!CHECK(condition)) std::abort(); \
  } while (false)
#define EXPECT_EQUAL(actual, wanted)                \
  do {                                              \
    if (!CHECK_EQUAL(actual, wanted)) std::abort(); \
  } while (false)
