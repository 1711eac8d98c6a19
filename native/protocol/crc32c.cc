#include "crc32c.h"

#include <array>

namespace limpet {

namespace {

// 0x1EDC6F41 with its bits reversed: the lowest bit of a byte comes first.
constexpr uint32_t kPolynomial = 0x82f63b78;

// A table and not the instruction of SSE 4.2: a header has some 100 bytes, which take 0.2 µs, once a connection.
constexpr std::array<uint32_t, 256> make_table() {
  std::array<uint32_t, 256> table{};
  for (uint32_t byte = 0; byte < 256; byte++) {
    uint32_t value = byte;
    for (unsigned bit = 0; bit < 8; bit++) value = value >> 1 ^ (value & 1 ? kPolynomial : 0);
    table[byte] = value;
  }
  return table;
}

constexpr std::array<uint32_t, 256> kTable = make_table();

}  // namespace

uint32_t crc32c(std::span<const uint8_t> bytes, uint32_t before) {
  uint32_t value = ~before;
  for (const uint8_t byte : bytes) value = kTable[(value ^ byte) & 0xff] ^ value >> 8;
  return ~value;
}

}  // namespace limpet
