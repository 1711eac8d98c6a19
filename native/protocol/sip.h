// SIP over TCP (RFC 3261).
#pragma once

#include "head.h"

namespace limpet {

// Call-ID, or its short form `i`, of the first message. The pings of RFC 5626 (CRLF CRLF) before it are passed over.
Extraction sip_call_id(Bytes head);

}  // namespace limpet
