// Where a client wanted to go.
#pragma once

#include <cstdint>

namespace limpet {

// The port that the client of a connected socket connected to; 0: it has none (unix socket). Where the packet filter
// has sent it elsewhere (`redirect to`, `dnat to`) it is the one before. With TPROXY that is the socket's own port
// anyway.
uint16_t destination_port(int fd);

}  // namespace limpet
