// Connecting to a backend without blocking.
#pragma once

#include "counters.h"
#include "session.h"
#include "socket_address.h"

namespace limpet {

struct ConnectBegun {
  int fd;     // -1: it failed at once
  int error;  // errno, if fd is -1; EAGAIN: the queue of a unix socket is full
};

// A non-blocking socket, connecting (or connected) to `address`. It has no options yet: most sessions are over before
// they would need them.
ConnectBegun begin_connect(const SocketAddress& address);
// The same with a socket that is there already, and is closed if it fails.
ConnectBegun finish_connect(int fd, const SocketAddress& address);

// TCP_NODELAY and keepalive, on a listening socket (which its sockets inherit) or a connected one. 0 or an errno.
int set_socket_options(int fd, const Keepalive& keepalive);

// Its parts. Not set: bytes flow without them, too.
bool set_no_delay(int fd);
bool set_keepalive(int fd, const Keepalive& keepalive);
// The same, where the socket has another one already: what is off is switched off.
bool change_keepalive(int fd, const Keepalive& keepalive);

// Takes the error that epoll reported: 0, or the errno of a failed connect or of a reset.
int socket_error(int fd);

// The counter for a failed connect.
SessionCounter connect_counter(int error);

// The cause lies in this host, not in the backend: the backend gets no blame and the pin stays.
bool is_local_failure(int error);

// Before close(), which answers bytes that nobody has read with a reset, and drops what it has not sent yet. False: the
// peer has ended, so that no more will come.
bool discard_unread(int fd);

// Bytes that were written, and that the peer has not acknowledged; its FIN is one.
unsigned unacknowledged(int fd);

// Closes so that the peer gets a RST and no TIME_WAIT remains.
void close_with_reset(int fd);

}  // namespace limpet
