// SHA-256 (FIPS 180-4), for fingerprints. Keys that must stay secret are hashed elsewhere.
#pragma once

#include <array>
#include <cstdint>

#include "head.h"

namespace limpet {

// In pieces; `digest()` once, at the end.
class Sha256 {
 public:
  void add(Bytes bytes);
  void add(std::string_view text) { add(bytes_of(text)); }
  std::array<uint8_t, 32> digest();

 private:
  void block(const uint8_t* bytes);

  std::array<uint32_t, 8> state_{0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
  std::array<uint8_t, 64> pending_{};
  uint64_t size_ = 0;
};

}  // namespace limpet
