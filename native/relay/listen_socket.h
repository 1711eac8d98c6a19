// Listen sockets: how they are made, and how they are closed without losing a client that waits in their queue.
#pragma once

#include "session.h"
#include "socket_address.h"

namespace limpet {

struct ListenSettings {
  int backlog;  // clients that may wait to be accepted; the kernel cuts it to net.core.somaxconn
  bool v6_only;
  int defer_accept_s;  // TCP_DEFER_ACCEPT: a client waits so long for its first byte before it is accepted; 0: off
  int fast_open;       // TCP_FASTOPEN: most such clients whose handshake is not complete; 0: off
};

// A listening, non-blocking socket; or -errno. Accepted TCP sockets inherit TCP_NODELAY and keepalive from it.
int open_listen_socket(const SocketAddress& address, const ListenSettings& settings, const Keepalive& keepalive);

// The options of a listening TCP socket that somebody else made. 0 or an errno.
int set_listen_options(int fd, const ListenSettings& settings, const Keepalive& keepalive);

// From now on no new client comes into the queue, and those who are in it can still be accepted.
//   TCP: closing a listen socket resets the clients in its queue, and shutdown() does the same. So a filter drops every
// further SYN (their clients ask again after a second, and are refused when the socket is closed), while the last
// packet of handshakes that are under way gets through.
//   Unix: shutdown() refuses new clients and keeps the queue.
// 0 or an errno.
int stop_queueing(int fd);

}  // namespace limpet
