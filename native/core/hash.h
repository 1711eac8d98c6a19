// Keyed hashing: the only file that includes xxhash.h (header-only, shipped by the npm package `xxhash-addon`, whose
// JavaScript side is the oracle in the tests).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#define XXH_INLINE_ALL
#if defined(__clang__) || defined(__GNUC__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wsign-conversion"
#pragma GCC diagnostic ignored "-Wpedantic"
#endif
#include "xxhash.h"
#if defined(__clang__) || defined(__GNUC__)
#pragma GCC diagnostic pop
#endif

namespace limpet {

// 192 bytes: the size of XXH3's own secret, so that every length class of XXH3 reads inside it.
inline constexpr size_t kSecretBytes = 192;
using Secret = std::array<uint8_t, kSecretBytes>;

inline uint64_t keyed_hash(const void* data, size_t size, const Secret& secret) {
  return XXH3_64bits_withSecret(data, size, secret.data(), secret.size());
}

// Without a secret: tells damage, and keeps nobody out.
inline uint64_t plain_hash(const void* data, size_t size) { return XXH3_64bits(data, size); }

// Finalizer of splitmix64 (Stafford's variant 13): a bijection of 64 bits with full avalanche. Its inputs here are
// words that were keyed before, so it needs no key of its own.
inline uint64_t mix64(uint64_t x) {
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
  return x ^ (x >> 31);
}

}  // namespace limpet
