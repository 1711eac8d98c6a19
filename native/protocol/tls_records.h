// The record layer of TLS (RFC 8446, 5.1), as far as the first message of a side needs it.
#pragma once

#include "head.h"

namespace limpet {

inline constexpr uint8_t kTlsMajorVersion = 3;
inline constexpr uint16_t kTls13 = 0x0304;
inline constexpr size_t kTlsRandomBytes = 32;
inline constexpr size_t kMaxTlsSessionId = 32;

enum class TlsMessage : uint8_t { kClientHello = 1, kServerHello = 2 };

// Puts what has come of the first message together, in `scratch`: it may be cut over several records, wherever the
// sender likes. kFound: `message` is whole, its type and length included, and may be followed by others. kMissing: it
// is not of that type.
Verdict gather_message(Bytes head, TlsMessage type, Scratch& scratch, Bytes& message);

// Cuts extensions one by one.
struct TlsExtension {
  uint16_t type = 0;
  Bytes data;
};
bool next_extension(Reader& extensions, TlsExtension& extension);
// Type, length, and as many bytes, to the end.
bool well_formed_extensions(Bytes extensions);
// The data of the first one of that type. False: there is none.
bool find_extension(Bytes extensions, uint16_t type, Bytes& data);

inline constexpr uint16_t kSupportedVersionsExtension = 43;

}  // namespace limpet
