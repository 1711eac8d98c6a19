// The ServerHello of TLS up to 1.2 (RFC 5246, 7.4.1.3): the first message of a server, which names the session.
#pragma once

#include "head.h"

namespace limpet {

// Most of an answer that is looked at: a ServerHello has about a hundred bytes.
inline constexpr size_t kMaxServerHelloBytes = 2048;

// The session that the client may go on with later: fresh, or the one that it came with. None where the server speaks
// TLS 1.3, which repeats what the client has sent (RFC 8446, 4.1.3), or keeps no sessions (a ticket has no name here).
Extraction tls_server_session_id(Bytes answer, Scratch& scratch);

}  // namespace limpet
