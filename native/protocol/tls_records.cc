#include "tls_records.h"

#include <algorithm>

namespace limpet {

namespace {

constexpr uint8_t kHandshake = 22;
constexpr uint16_t kMaxRecord = 1 << 14;  // RFC 8446, 5.1
constexpr size_t kMessageHeader = 4;

// Whether the part of the message that has come can be that of one of this type, and whether it is whole.
Verdict progress(Bytes message, TlsMessage wanted, size_t& size) {
  Reader reader(message);
  const uint8_t type = reader.u8();
  if (reader.overrun()) return Verdict::kMore;
  if (type != static_cast<uint8_t>(wanted)) return Verdict::kMissing;
  const uint32_t length = reader.u24();
  if (reader.overrun()) return Verdict::kMore;
  if (length > kMaxHeadBytes - kMessageHeader) return Verdict::kMissing;
  size = kMessageHeader + length;
  return message.size() >= size ? Verdict::kFound : Verdict::kMore;
}

}  // namespace

Verdict gather_message(Bytes head, TlsMessage type, Scratch& scratch, Bytes& message) {
  Reader records(head);
  size_t gathered = 0;
  for (;;) {
    // Byte by byte: another protocol is to be told by its first one.
    const uint8_t content = records.u8();
    if (records.overrun()) return Verdict::kMore;
    if (content != kHandshake) return Verdict::kMissing;
    const uint8_t major = records.u8();
    if (records.overrun()) return Verdict::kMore;
    if (major != kTlsMajorVersion) return Verdict::kMissing;
    records.u8();  // minor: 1 of most clients, for servers of old
    const uint16_t length = records.u16();
    if (records.overrun()) return Verdict::kMore;
    if (length == 0 || length > kMaxRecord || length > scratch.size() - gathered) return Verdict::kMissing;
    const Bytes part = records.take(std::min<size_t>(length, records.left()));
    std::copy(part.begin(), part.end(), scratch.begin() + static_cast<std::ptrdiff_t>(gathered));
    gathered += part.size();
    size_t size = 0;
    const Verdict verdict = progress(Bytes(scratch).first(gathered), type, size);
    if (verdict == Verdict::kFound) message = Bytes(scratch).first(size);
    if (verdict != Verdict::kMore || part.size() < length) return verdict;
  }
}

bool next_extension(Reader& extensions, TlsExtension& extension) {
  if (extensions.left() == 0) return false;
  extension.type = extensions.u16();
  extension.data = extensions.take(extensions.u16());
  return !extensions.overrun();
}

bool well_formed_extensions(Bytes extensions) {
  Reader reader(extensions);
  TlsExtension extension;
  while (reader.left() > 0) {
    if (!next_extension(reader, extension)) return false;
  }
  return true;
}

bool find_extension(Bytes extensions, uint16_t type, Bytes& data) {
  Reader reader(extensions);
  TlsExtension extension;
  while (next_extension(reader, extension)) {
    if (extension.type != type) continue;
    data = extension.data;
    return true;
  }
  return false;
}

}  // namespace limpet
