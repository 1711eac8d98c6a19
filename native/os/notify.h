// What a service tells its manager (sd_notify(3)), without libsystemd.
#pragma once

#include <string>

namespace limpet {

// Sends one datagram. `socket`: a path, or @ and a name of the abstract namespace, as NOTIFY_SOCKET has it. Waits for a
// second at most while the manager has more to read than it takes: a lost READY=1 would be a service that never starts.
// 0 or an errno; EPROTONOSUPPORT: another form of address.
int notify(const std::string& socket, const std::string& text);

}  // namespace limpet
