// What heads are made of, and what holds of every parser of one.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "protocol/head.h"
#include "test.h"

namespace limpet::test {

// One for all tests of a program; they run one after the other.
inline Scratch& scratch() {
  static const auto room = std::make_unique<Scratch>();
  return *room;
}

using Parser = std::function<Extraction(Bytes)>;

// What a parser says of the whole text, after every beginning of it was looked at: each wants more, or says the same.
inline std::pair<Verdict, std::string> verdict_of(const Parser& parser, const std::string& text) {
  const Extraction whole = parser(bytes_of(text));
  const std::pair<Verdict, std::string> wanted{whole.verdict, std::string(whole.key)};
  for (size_t size = 0; size < text.size(); size++) {
    // In memory of its own: the sanitizer sees whoever reads on.
    const std::vector<uint8_t> part(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(size));
    const Extraction early = parser(part);
    if (early.verdict == Verdict::kMore) continue;
    CHECK_EQUAL(early.verdict, wanted.first);
    CHECK_EQUAL(early.key, wanted.second);
  }
  return wanted;
}

inline void check_found(const Parser& parser, const std::string& text, std::string_view key) {
  const auto [verdict, found] = verdict_of(parser, text);
  CHECK_EQUAL(verdict, Verdict::kFound);
  CHECK_EQUAL(found, key);
}

inline void check_missing(const Parser& parser, const std::string& text) {
  CHECK_EQUAL(verdict_of(parser, text).first, Verdict::kMissing);
}

inline void check_more(const Parser& parser, const std::string& text) {
  CHECK_EQUAL(verdict_of(parser, text).first, Verdict::kMore);
}

// Network byte order.
inline std::string number(uint64_t value, unsigned size) {
  std::string text;
  for (unsigned at = size; at-- > 0;) text += static_cast<char>(value >> (8 * at));
  return text;
}

inline std::string with_length(const std::string& text, unsigned size) { return number(text.size(), size) + text; }

}  // namespace limpet::test
