// PostgreSQL's startup packet (protocol 3).
#pragma once

#include <string_view>

#include "head.h"

namespace limpet {

// A parameter of the startup packet: `user`, `database`, `application_name`. `database` is the user's name where it is
// left out, as the server has it. No key for SSLRequest and GSSENCRequest, which come before it and want an answer
// (every psql sends one unless told not to), and for CancelRequest.
Extraction postgres_parameter(Bytes head, std::string_view name);

// What a client sends before its startup packet to ask for encryption: 8 bytes, answered by one.
enum class EncryptionRequest : uint8_t {
  kNone = 0,
  kMore = 1,  // the bytes end too early to tell
  kTls = 2,   // SSLRequest
  kGss = 3,   // GSSENCRequest
};
inline constexpr size_t kEncryptionRequestBytes = 8;

EncryptionRequest encryption_request(Bytes head);

// Says "not here", to either: the client goes on in plain text, or leaves.
inline constexpr uint8_t kEncryptionRefused = 'N';

}  // namespace limpet
