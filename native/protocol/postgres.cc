#include "postgres.h"

#include <optional>

namespace limpet {

namespace {

// The server takes no longer one (MAX_STARTUP_PACKET_LENGTH).
constexpr uint32_t kMaxPacket = 10'000;
constexpr uint32_t kSmallestPacket = 8;
constexpr uint32_t kProtocol3 = 3;

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

}  // namespace limpet
