#include "mqtt.h"

#include <optional>

namespace limpet {

namespace {

constexpr uint8_t kConnect = 0x10;
constexpr unsigned kMaxLengthBytes = 4;
constexpr uint8_t kLevel5 = 5;

// "Variable byte integer" (MQTT 5, 1.5.5). Nothing: it has a fifth byte, or ends too early, which the reader tells.
std::optional<uint32_t> variable_length(Reader& reader) {
  uint32_t value = 0;
  for (unsigned byte = 0; byte < kMaxLengthBytes; byte++) {
    const uint8_t next = reader.u8();
    if (reader.overrun()) return std::nullopt;
    value |= static_cast<uint32_t>(next & 0x7f) << (7 * byte);
    if ((next & 0x80) == 0) return value;
  }
  return std::nullopt;
}

bool known_protocol(std::string_view name, uint8_t level) {
  // Bridges set the uppermost bit (mosquitto's, of 3.1.1).
  const unsigned version = level & 0x7fU;
  return (name == "MQTT" && (version == 4 || version == kLevel5)) || (name == "MQIsdp" && version == 3);
}

// The part that has come of the packet behind its length; what it promises past `length` is malformed.
Extraction client_id_of(Bytes come, uint32_t length) {
  const bool whole = come.size() >= length;
  Reader reader(whole ? come.first(length) : come);
  const Extraction early = whole ? kNoKey : kNeedsMore;
  const Bytes protocol = reader.take(reader.u16());
  const uint8_t level = reader.u8();
  if (reader.overrun()) return early;
  if (!known_protocol(text_of(protocol), level)) return kNoKey;
  const uint8_t flags = reader.u8();
  reader.u16();  // keep alive
  if (reader.overrun()) return early;
  if ((flags & 1) != 0) return kNoKey;  // reserved
  if (level == kLevel5) {
    const auto properties = variable_length(reader);
    if (!properties) return reader.overrun() ? early : kNoKey;
    if (*properties > length) return kNoKey;
    reader.take(*properties);
  }
  const Bytes id = reader.take(reader.u16());
  return reader.overrun() ? early : found(text_of(id));
}

}  // namespace

Extraction mqtt_client_id(Bytes head) {
  Reader reader(head);
  const uint8_t type = reader.u8();
  if (reader.overrun()) return kNeedsMore;
  if (type != kConnect) return kNoKey;
  const auto length = variable_length(reader);
  if (!length) return reader.overrun() ? kNeedsMore : kNoKey;
  return client_id_of(reader.rest(), *length);
}

}  // namespace limpet
