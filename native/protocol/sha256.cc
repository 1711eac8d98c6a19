#include "sha256.h"

#include <algorithm>
#include <bit>

namespace limpet {

namespace {

constexpr std::array<uint32_t, 64> kRound = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

uint32_t big_endian(const uint8_t* bytes) {
  return uint32_t{bytes[0]} << 24 | uint32_t{bytes[1]} << 16 | uint32_t{bytes[2]} << 8 | bytes[3];
}

std::array<uint32_t, 64> schedule(const uint8_t* bytes) {
  std::array<uint32_t, 64> w{};
  for (unsigned t = 0; t < 16; t++) w[t] = big_endian(bytes + 4 * t);
  for (unsigned t = 16; t < 64; t++) {
    const uint32_t a = std::rotr(w[t - 15], 7) ^ std::rotr(w[t - 15], 18) ^ w[t - 15] >> 3;
    const uint32_t b = std::rotr(w[t - 2], 17) ^ std::rotr(w[t - 2], 19) ^ w[t - 2] >> 10;
    w[t] = w[t - 16] + a + w[t - 7] + b;
  }
  return w;
}

}  // namespace

void Sha256::block(const uint8_t* bytes) {
  const auto w = schedule(bytes);
  auto [a, b, c, d, e, f, g, h] = state_;
  for (unsigned t = 0; t < 64; t++) {
    const uint32_t s1 = std::rotr(e, 6) ^ std::rotr(e, 11) ^ std::rotr(e, 25);
    const uint32_t one = h + s1 + ((e & f) ^ (~e & g)) + kRound[t] + w[t];
    const uint32_t s0 = std::rotr(a, 2) ^ std::rotr(a, 13) ^ std::rotr(a, 22);
    const uint32_t two = s0 + ((a & b) ^ (a & c) ^ (b & c));
    h = g, g = f, f = e, e = d + one;
    d = c, c = b, b = a, a = one + two;
  }
  const std::array<uint32_t, 8> sums = {a, b, c, d, e, f, g, h};
  for (unsigned i = 0; i < 8; i++) state_[i] += sums[i];
}

void Sha256::add(Bytes bytes) {
  size_t filled = size_ % pending_.size();
  size_ += bytes.size();
  while (!bytes.empty()) {
    const size_t part = std::min(bytes.size(), pending_.size() - filled);
    std::copy_n(bytes.begin(), part, pending_.begin() + static_cast<std::ptrdiff_t>(filled));
    bytes = bytes.subspan(part);
    filled += part;
    if (filled < pending_.size()) return;
    block(pending_.data());
    filled = 0;
  }
}

std::array<uint8_t, 32> Sha256::digest() {
  const uint64_t bits = size_ * 8;
  constexpr std::array<uint8_t, 64> kPadding = {0x80};
  add(Bytes(kPadding).first((119 - size_ % 64) % 64 + 1));
  std::array<uint8_t, 8> length{};
  for (unsigned i = 0; i < 8; i++) length[i] = static_cast<uint8_t>(bits >> (56 - 8 * i));
  add(Bytes(length));
  std::array<uint8_t, 32> sum{};
  for (unsigned i = 0; i < 32; i++) sum[i] = static_cast<uint8_t>(state_[i / 4] >> (24 - 8 * (i % 4)));
  return sum;
}

}  // namespace limpet
