#include "descriptors.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstring>

namespace limpet {

namespace {

// Room for the control message with all descriptors that there can be, as cmsghdr needs it.
struct Control {
  alignas(cmsghdr) char bytes[CMSG_SPACE(kMostDescriptors * sizeof(int))];
};

int option(int fd, int name) {
  int value = 0;
  socklen_t length = sizeof value;
  return getsockopt(fd, SOL_SOCKET, name, &value, &length) == 0 ? value : -errno;
}

// Takes the descriptors out of a message. False: there were too many, and all are closed.
bool take(msghdr& message, std::span<uint32_t> into, size_t& count) {
  // Those past kMostDescriptors the kernel has closed.
  bool fits = (message.msg_flags & MSG_CTRUNC) == 0;
  for (cmsghdr* header = CMSG_FIRSTHDR(&message); header; header = CMSG_NXTHDR(&message, header)) {
    if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
    const size_t found = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (size_t i = 0; i < found; i++) {
      int fd;
      std::memcpy(&fd, CMSG_DATA(header) + i * sizeof fd, sizeof fd);
      fits = fits && count < into.size();
      if (fits)
        into[count++] = static_cast<uint32_t>(fd);
      else
        close(fd);
    }
  }
  if (fits) return true;
  for (; count > 0; count--) close(static_cast<int>(into[count - 1]));
  return false;
}

}  // namespace

ssize_t send_descriptors(int socket, std::span<const uint8_t> bytes, std::span<const uint32_t> descriptors) {
  if (bytes.empty() || descriptors.size() > kMostDescriptors) return -EMSGSIZE;
  iovec part{const_cast<uint8_t*>(bytes.data()), bytes.size()};
  Control control{};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  if (!descriptors.empty()) {
    message.msg_control = control.bytes;
    message.msg_controllen = CMSG_SPACE(descriptors.size_bytes());
    cmsghdr* const header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(descriptors.size_bytes());
    std::memcpy(CMSG_DATA(header), descriptors.data(), descriptors.size_bytes());
  }
  const ssize_t sent = sendmsg(socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
  return sent >= 0 ? sent : -errno;
}

Received receive_descriptors(int socket, std::span<uint8_t> bytes, std::span<uint32_t> descriptors) {
  iovec part{bytes.data(), bytes.size()};
  Control control{};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control.bytes;
  message.msg_controllen = sizeof control.bytes;
  const ssize_t received = recvmsg(socket, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  if (received < 0) return {-errno, 0};
  size_t count = 0;
  if (!take(message, descriptors, count)) return {-ENOBUFS, 0};
  return {received, count};
}

int peer_process(int socket, PeerProcess& peer) {
  ucred credentials{};
  socklen_t length = sizeof credentials;
  if (getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &credentials, &length) != 0) return errno;
  peer = {credentials.pid, credentials.uid, credentials.gid};
  return 0;
}

int check_listen_socket(int fd) {
  const int listens = option(fd, SO_ACCEPTCONN);
  if (listens < 0) return -listens;
  return listens == 1 && option(fd, SO_TYPE) == SOCK_STREAM ? 0 : EINVAL;
}

int adopt_listen_socket(int fd, int backlog) {
  if (const int error = check_listen_socket(fd)) return error;
  const int flags = fcntl(fd, F_GETFL);
  if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0) return errno;
  if (fcntl(fd, F_SETFD, FD_CLOEXEC) != 0) return errno;
  return listen(fd, backlog) == 0 ? 0 : errno;
}

int duplicate_descriptor(int fd) {
  const int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
  return copy >= 0 ? copy : -errno;
}

std::string unix_path(int fd) {
  sockaddr_un address{};
  socklen_t length = sizeof address;
  if (getsockname(fd, reinterpret_cast<sockaddr*>(&address), &length) != 0 || address.sun_family != AF_UNIX) return {};
  // One without a file has no path, or a name that begins with a NUL.
  if (length <= offsetof(sockaddr_un, sun_path)) return {};
  return {address.sun_path, strnlen(address.sun_path, length - offsetof(sockaddr_un, sun_path))};
}

int open_unix_socket(const std::string& path, int backlog) {
  sockaddr_un address{};
  if (path.empty() || path.size() >= sizeof address.sun_path) return -EINVAL;
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return -errno;
  const bool is_open =
      bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 && listen(fd, backlog) == 0;
  if (is_open) return fd;
  const int error = errno;
  close(fd);
  return -error;
}

}  // namespace limpet
