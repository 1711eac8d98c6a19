// SOCKS.
#pragma once

#include "head.h"

namespace limpet {

// The user id of SOCKS4. SOCKS5 names its user only after the server has answered (RFC 1929), and nobody has been
// picked yet who could: no key.
Extraction socks_user(Bytes head);

}  // namespace limpet
