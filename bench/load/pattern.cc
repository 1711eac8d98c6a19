#include "pattern.h"

#include <algorithm>
#include <cstring>

#include "message.h"

namespace limpet::bench {

namespace {

constexpr size_t kWord = sizeof(uint64_t);
constexpr size_t kCheckedEach = 4096;

}  // namespace

Pattern::Pattern() : text_(kPeriod + kMostAtOnce) {
  for (size_t i = 0; i + kWord <= kPeriod; i += kWord) {
    const uint64_t word = Message::mix(i + 1);
    std::memcpy(text_.data() + i, &word, kWord);
  }
  std::memcpy(text_.data() + kPeriod, text_.data(), kMostAtOnce);
}

bool Pattern::matches(uint64_t seed, uint64_t offset, const uint8_t* piece, size_t count) {
  const uint8_t* wanted = at(seed, offset);
  if (count <= kWord) return std::memcmp(piece, wanted, count) == 0;
  const auto same = [&](size_t place) { return std::memcmp(piece + place, wanted + place, kWord) == 0; };
  const size_t last = count - kWord;
  if (!same(0) || !same(last)) return false;
  for (size_t begin = 0; begin < last; begin += kCheckedEach) {
    if (!same(begin + random() % std::min(kCheckedEach, last - begin))) return false;
  }
  return true;
}

// Xorshift (Marsaglia, 2003).
uint64_t Pattern::random() {
  state_ ^= state_ << 13;
  state_ ^= state_ >> 7;
  state_ ^= state_ << 17;
  return state_;
}

}  // namespace limpet::bench
