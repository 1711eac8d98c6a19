// Sockets that connect from an address of the configuration's, or of a client's.
#pragma once

#include "connector.h"

namespace limpet {

// As begin_connect(), from an address. Port 0: the system chooses one when it knows the other end, so that each backend
// has all ports of the address for itself. `transparent`: the address need not be this host's (CAP_NET_ADMIN).
ConnectBegun begin_connect_from(const SocketAddress& source, bool transparent, const SocketAddress& address);

// Whether this process may do that: 0, or the errno.
int try_transparent();

}  // namespace limpet
