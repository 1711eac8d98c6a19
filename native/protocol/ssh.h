// SSH (RFC 4253).
#pragma once

#include "head.h"

namespace limpet {

// The identification of the client, `SSH-2.0-OpenSSH_9.2p1`. Nothing more of a client is to be seen: all that follows
// the exchange of keys, its user name included, is encrypted.
Extraction ssh_version(Bytes head);

}  // namespace limpet
