// RESP, the protocol of Redis and Valkey.
#pragma once

#include "head.h"

namespace limpet {

// Who logs in with the first command: the user of `AUTH user password` or of `HELLO 3 AUTH user password`; of `AUTH
// password` the password, which is all that tells one from another there (it is only hashed). No key where the first
// command is another.
Extraction redis_auth(Bytes head);

}  // namespace limpet
