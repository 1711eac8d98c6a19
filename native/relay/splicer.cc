#include "splicer.h"

#include <fcntl.h>

#include <cerrno>

#include "pipe_pool.h"

namespace limpet {

namespace {

// MOVE is a hint. Not MORE: TCP would hold the tail back for up to 200 ms; what the pipe still holds behind a page, the
// kernel knows by itself.
constexpr unsigned kFlags = SPLICE_F_MOVE | SPLICE_F_NONBLOCK;

// About the call, not about the connection: no such call (or a filter that forbids it), no such socket, no memory.
bool is_refusal(int error) {
  switch (error) {
    case EINVAL:
    case ENOSYS:
    case EPERM:
    case EACCES:
    case ENOMEM:
      return true;
    default:
      return false;
  }
}

Spliced call(int from, int to, uint32_t most, uint32_t& count) {
  ssize_t n;
  do {
    n = splice(from, nullptr, to, nullptr, most, kFlags);
  } while (n < 0 && errno == EINTR);
  count = n > 0 ? static_cast<uint32_t>(n) : 0;
  if (n > 0) return Spliced::kSome;
  if (n == 0) return Spliced::kNothing;
  if (errno == EAGAIN) return Spliced::kBlocked;
  return is_refusal(errno) ? Spliced::kRefused : Spliced::kFailed;
}

}  // namespace

Spliced splice_in(Side& from) {
  uint32_t count;
  const Spliced result = call(from.fd, from.pipe.write_end, PipePool::kBytes, count);
  from.pipe.held += count;
  from.bytes += count;
  if (result == Spliced::kBlocked) from.readable = false;
  return result;
}

Spliced splice_out(Side& from, Side& to, uint64_t& moved) {
  uint32_t count;
  const Spliced result = call(from.pipe.read_end, to.fd, from.pipe.held, count);
  from.pipe.held -= count;
  moved += count;
  if (result == Spliced::kBlocked) to.writable = false;
  if (result == Spliced::kFailed) to.fail(errno);
  return result;
}

}  // namespace limpet
