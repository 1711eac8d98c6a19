// The connection request of RDP (MS-RDPBCGR, 2.2.1.1): TPKT (RFC 2126), X.224, and a cookie or a routing token.
#pragma once

#include "head.h"

namespace limpet {

// The user name of `Cookie: mstshash=NAME`. Clients cut it to nine characters.
Extraction rdp_cookie(Bytes head);

// The routing token of `Cookie: msts=ADDRESS.PORT.0000`, decoded: `192.0.2.7:3389`. It names the backend that the
// session broker has chosen, so it is looked for among the backends and never hashed. `scratch` holds the text.
Extraction rdp_token(Bytes head, Scratch& scratch);

}  // namespace limpet
