// Descriptors that processes give to each other over a unix socket (SCM_RIGHTS), and listen sockets that another
// process opened.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace limpet {

// Most descriptors of one message (SCM_MAX_FD of the kernel).
inline constexpr size_t kMostDescriptors = 253;

// Sends bytes, at least one, and copies of at most kMostDescriptors descriptors along with the first of them. Never
// waits. How many bytes were sent, or -errno; -EMSGSIZE: no bytes, or too many descriptors.
ssize_t send_descriptors(int socket, std::span<const uint8_t> bytes, std::span<const uint32_t> descriptors);

struct Received {
  ssize_t bytes;       // 0: the other side has ended it; or -errno
  size_t descriptors;  // written to `descriptors`; the caller's from now on, close-on-exec
};

// Receives what is there; never waits. -ENOBUFS: there were more descriptors than `descriptors` has room for; all of
// them are closed.
Received receive_descriptors(int socket, std::span<uint8_t> bytes, std::span<uint32_t> descriptors);

// The process at the other side of a unix socket: of a connection that was accepted, as it was when it connected; of
// one that this side began, as it was when it called listen().
struct PeerProcess {
  int pid;
  uint32_t uid;
  uint32_t gid;
};

// 0 or an errno.
int peer_process(int socket, PeerProcess& peer);

// Whether it is a stream socket that listens, which it must be to be accepted from. 0; or an errno, EINVAL: it does
// not.
int check_listen_socket(int fd);

// Makes a listen socket of somebody else's our own: it does not block, and no program that is started gets it;
// `backlog` clients may wait in its queue. 0 or an errno.
int adopt_listen_socket(int fd, int backlog);

// Another descriptor of the same socket, close-on-exec; the caller's. -errno otherwise.
int duplicate_descriptor(int fd);

// Path of the file that a unix socket is bound to; empty: it has none, or is another kind of socket.
std::string unix_path(int fd);

// Opens a unix socket that listens, non-blocking; -errno otherwise. The file of it is the caller's to remove: libuv
// would remove it with any socket that it opened, even one that another process still listens on.
int open_unix_socket(const std::string& path, int backlog);

}  // namespace limpet
