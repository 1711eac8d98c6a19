// Keys in heads: whatever the bytes and however they are split, the verdict is final, and what is found lies where it
// may. Input: the source, its settings, then the head.
#include <algorithm>
#include <memory>

#include "input.h"
#include "protocol/head_key.h"

using namespace limpet;
using limpet::fuzz::Input;

namespace {

const auto kScratch = std::make_unique<Scratch>();

HeadRecipe recipe_of(Input& input) {
  static constexpr const char* kNames[] = {"id", "user", "database", "cookie", "host", ""};
  HeadRecipe recipe;
  recipe.source = static_cast<HeadSource>(input.below(static_cast<unsigned>(HeadSource::kCount)));
  recipe.name = input.one_of(kNames);
  recipe.offset = input.byte();
  recipe.length = recipe.source == HeadSource::kLengthPrefixed ? 1U << input.below(3) : input.byte();
  recipe.order = input.flag() ? ByteOrder::kLittle : ByteOrder::kBig;
  return recipe;
}

bool lies_in(std::string_view key, Bytes bytes) {
  const Bytes found = bytes_of(key);
  return found.data() >= bytes.data() && found.data() + found.size() <= bytes.data() + bytes.size();
}

// The key is copied: it may lie in the scratch space.
struct Told {
  Verdict verdict = Verdict::kMore;
  std::vector<uint8_t> key;
  bool operator==(const Told&) const = default;
};

Told tell(const HeadRecipe& recipe, Bytes head) {
  const Extraction extraction = extract(recipe, head, *kScratch);
  EXPECT_EQUAL(extraction.verdict == Verdict::kFound, !extraction.key.empty());
  if (!extraction.key.empty()) EXPECT(lies_in(extraction.key, head) || lies_in(extraction.key, Bytes(*kScratch)));
  const Bytes key = bytes_of(extraction.key);
  return {extraction.verdict, {key.begin(), key.end()}};
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Input input(data, size);
  const HeadRecipe recipe = recipe_of(input);
  const Bytes head = input.rest();
  const Told whole = tell(recipe, head);
  for (size_t end = 0; end < head.size(); end++) {
    const std::vector<uint8_t> part(head.begin(), head.begin() + static_cast<std::ptrdiff_t>(end));
    const Told early = tell(recipe, part);
    EXPECT(early.verdict == Verdict::kMore || early == whole);
  }
  return 0;
}
