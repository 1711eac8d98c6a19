#include "socks.h"

namespace limpet {

namespace {

constexpr uint8_t kVersion4 = 4;
constexpr size_t kUserAt = 8;  // version, command, port, address
// The protocol gives no limit; servers take 255.
constexpr size_t kMaxUser = 255;

}  // namespace

Extraction socks_user(Bytes head) {
  Reader reader(head);
  const uint8_t version = reader.u8();
  if (reader.overrun()) return kNeedsMore;
  if (version != kVersion4) return kNoKey;
  const uint8_t command = reader.u8();
  if (reader.overrun()) return kNeedsMore;
  if (command != 1 && command != 2) return kNoKey;  // CONNECT, BIND
  if (head.size() <= kUserAt) return kNeedsMore;
  const std::string_view text = text_of(head.subspan(kUserAt));
  const size_t end = text.substr(0, kMaxUser + 1).find('\0');
  if (end != std::string_view::npos) return found(text.substr(0, end));
  return text.size() <= kMaxUser ? kNeedsMore : kNoKey;
}

}  // namespace limpet
