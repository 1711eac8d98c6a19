#include "rdp.h"

#include <charconv>
#include <cstdio>
#include <optional>

namespace limpet {

namespace {

constexpr uint8_t kTpktVersion = 3;
constexpr size_t kTpktHeader = 4;
constexpr size_t kX224Header = 7;
constexpr uint8_t kConnectionRequest = 0xe0;
constexpr std::string_view kHash = "Cookie: mstshash=";
constexpr std::string_view kToken = "Cookie: msts=";

// The value of the line that begins so: it is the first of the request, if there is one.
Extraction cookie_line(Bytes head, std::string_view begin) {
  Reader reader(head);
  const uint8_t version = reader.u8();
  if (reader.overrun()) return kNeedsMore;
  if (version != kTpktVersion) return kNoKey;
  reader.u8();  // reserved
  const uint16_t length = reader.u16();
  reader.u8();  // length of X.224
  if (reader.overrun()) return kNeedsMore;
  const uint8_t type = reader.u8();
  if (reader.overrun()) return kNeedsMore;
  if (length < kTpktHeader + kX224Header || (type & 0xf0) != kConnectionRequest) return kNoKey;
  // The request is a few dozen bytes, and comes in one piece.
  if (head.size() < length) return kNeedsMore;
  const std::string_view text = text_of(head.subspan(kTpktHeader + kX224Header, length - kTpktHeader - kX224Header));
  const size_t end = text.find("\r\n");
  if (!text.starts_with(begin) || end == std::string_view::npos) return kNoKey;
  return found(text.substr(begin.size(), end - begin.size()));
}

// A decimal number up to `most`, and the dot behind it.
std::optional<uint32_t> number_before_dot(std::string_view& text, uint32_t most) {
  uint32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const auto digits = static_cast<size_t>(end - text.data());
  if (error != std::errc() || value > most || digits >= text.size() || text[digits] != '.') return std::nullopt;
  text.remove_prefix(digits + 1);
  return value;
}

}  // namespace

Extraction rdp_cookie(Bytes head) { return cookie_line(head, kHash); }

Extraction rdp_token(Bytes head, Scratch& scratch) {
  const Extraction line = cookie_line(head, kToken);
  if (line.verdict != Verdict::kFound) return line;
  std::string_view text = line.key;
  // Both are the numbers that a little-endian machine reads from network byte order.
  const auto address = number_before_dot(text, UINT32_MAX);
  if (!address) return kNoKey;
  const auto port = number_before_dot(text, UINT16_MAX);
  if (!port) return kNoKey;
  auto* const room = reinterpret_cast<char*>(scratch.data());
  const int length = std::snprintf(room, scratch.size(), "%u.%u.%u.%u:%u", *address & 0xff, *address >> 8 & 0xff,
                                   *address >> 16 & 0xff, *address >> 24, (*port & 0xff) << 8 | *port >> 8);
  return found({room, static_cast<size_t>(length)});
}

}  // namespace limpet
