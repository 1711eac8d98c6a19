// The session id in a server's answer: whatever the bytes and however they are split, the verdict is final.
#include <memory>

#include "input.h"
#include "protocol/tls_server_hello.h"

using namespace limpet;

namespace {

const auto kScratch = std::make_unique<Scratch>();

// The id is copied: it lies in the scratch space.
struct Told {
  Verdict verdict = Verdict::kMore;
  std::vector<uint8_t> session;
  bool operator==(const Told&) const = default;
};

Told tell(Bytes answer) {
  const Extraction extraction = tls_server_session_id(answer, *kScratch);
  EXPECT_EQUAL(extraction.verdict == Verdict::kFound, !extraction.key.empty());
  EXPECT(extraction.key.size() <= 32);
  const Bytes session = bytes_of(extraction.key);
  return {extraction.verdict, {session.begin(), session.end()}};
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const Bytes answer(data, size);
  const Told whole = tell(answer);
  for (size_t end = 0; end < answer.size(); end++) {
    const std::vector<uint8_t> part(answer.begin(), answer.begin() + static_cast<std::ptrdiff_t>(end));
    const Told early = tell(part);
    EXPECT(early.verdict == Verdict::kMore || early == whole);
  }
  return 0;
}
