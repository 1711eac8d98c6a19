// PostgreSQL's startup packet (protocol 3).
#pragma once

#include <string_view>

#include "head.h"

namespace limpet {

// A parameter of the startup packet: `user`, `database`, `application_name`. `database` is the user's name where it is
// left out, as the server has it. No key for SSLRequest and GSSENCRequest, which come before it and want an answer
// (every psql sends one unless told not to), and for CancelRequest.
Extraction postgres_parameter(Bytes head, std::string_view name);

}  // namespace limpet
