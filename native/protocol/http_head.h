// The head of the first HTTP/1.x request of a connection (RFC 9112). Where it is no HTTP/1.x, as in HTTP/2 with prior
// knowledge, there is no key.
#pragma once

#include <string_view>

#include "head.h"

namespace limpet {

// The first cookie of that name, whatever the order and number of Cookie fields. Names of cookies are case-sensitive
// (RFC 6265, 5.4); quotes around a value belong to it.
Extraction http_cookie(Bytes head, std::string_view name);

// The first field of that name.
Extraction http_header(Bytes head, std::string_view name);

// Path of the request's target, without its query.
Extraction http_path(Bytes head);

}  // namespace limpet
