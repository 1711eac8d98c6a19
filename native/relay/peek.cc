#include "peek.h"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

namespace limpet {

std::optional<Bytes> peek_head(const Side& side, size_t limit, PeekRoom& room) {
  limit = std::min(limit, room.head.size());
  const size_t before = std::min<size_t>(side.backlog.end - side.backlog.begin, limit);
  if (before > 0) std::copy_n(side.backlog.data + side.backlog.begin, before, room.head.begin());
  if (before == limit) return Bytes(room.head).first(limit);
  const ssize_t count = recv(side.fd, room.head.data() + before, limit - before, MSG_PEEK | MSG_DONTWAIT);
  if (count < 0 && errno != EAGAIN && errno != EINTR) return std::nullopt;
  return Bytes(room.head).first(before + static_cast<size_t>(std::max<ssize_t>(count, 0)));
}

}  // namespace limpet
