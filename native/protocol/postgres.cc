#include "postgres.h"

#include <algorithm>
#include <array>
#include <optional>

namespace limpet {

namespace {

// The server takes no longer one (MAX_STARTUP_PACKET_LENGTH).
constexpr uint32_t kMaxPacket = 10'000;
constexpr uint32_t kSmallestPacket = 8;
constexpr uint32_t kProtocol3 = 3;
// Length, and a number in the place of the protocol's (NEGOTIATE_SSL_CODE, NEGOTIATE_GSS_CODE in PostgreSQL's
// pqcomm.h).
constexpr std::array<uint8_t, kEncryptionRequestBytes> kSslRequest{0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f};
constexpr std::array<uint8_t, kEncryptionRequestBytes> kGssRequest{0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x30};

std::string_view until_nul(std::string_view& text) {
  const size_t end = text.find('\0');
  const std::string_view part = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  return part;
}

// Name, NUL, value, NUL, and so on; an empty name ends them.
std::optional<std::string_view> parameter(std::string_view list, std::string_view name) {
  while (!list.empty()) {
    const std::string_view known = until_nul(list);
    if (known.empty()) return std::nullopt;
    const std::string_view value = until_nul(list);
    if (known == name) return value;
  }
  return std::nullopt;
}

}  // namespace

Extraction postgres_parameter(Bytes head, std::string_view name) {
  Reader reader(head);
  const uint32_t length = reader.u32();
  if (reader.overrun()) return !head.empty() && head[0] != 0 ? kNoKey : kNeedsMore;
  if (length < kSmallestPacket || length > kMaxPacket) return kNoKey;
  const uint16_t major = reader.u16();
  if (reader.overrun()) return kNeedsMore;
  if (major != kProtocol3) return kNoKey;
  if (head.size() < length) return kNeedsMore;
  const std::string_view list = text_of(head.subspan(kSmallestPacket, length - kSmallestPacket));
  auto value = parameter(list, name);
  if (!value && name == "database") value = parameter(list, "user");
  return value ? found(*value) : kNoKey;
}

EncryptionRequest encryption_request(Bytes head) {
  const Bytes known = head.first(std::min(head.size(), kEncryptionRequestBytes));
  const auto begins = [&](const auto& request) { return std::equal(known.begin(), known.end(), request.begin()); };
  const bool is_tls = begins(kSslRequest);
  if (!is_tls && !begins(kGssRequest)) return EncryptionRequest::kNone;
  if (known.size() < kEncryptionRequestBytes) return EncryptionRequest::kMore;
  return is_tls ? EncryptionRequest::kTls : EncryptionRequest::kGss;
}

}  // namespace limpet
