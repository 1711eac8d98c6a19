#include "ssh.h"

#include <algorithm>

namespace limpet {

namespace {

constexpr std::string_view kBegin = "SSH-";
// RFC 4253, 4.2: with its CR and LF. Only a server may send other lines before.
constexpr size_t kMaxLine = 255;

}  // namespace

Extraction ssh_version(Bytes head) {
  const std::string_view text = text_of(head);
  const size_t known = std::min(text.size(), kBegin.size());
  if (text.substr(0, known) != kBegin.substr(0, known)) return kNoKey;
  const size_t end = text.substr(0, kMaxLine).find('\n');
  if (end == std::string_view::npos) return text.size() < kMaxLine ? kNeedsMore : kNoKey;
  const std::string_view line = text.substr(0, end);
  return found(line.ends_with('\r') ? line.substr(0, end - 1) : line);
}

}  // namespace limpet
