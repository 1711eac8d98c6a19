#include "copier.h"

#include <sys/socket.h>

#include <cerrno>

namespace limpet {

namespace {

// Per direction and wake-up: one bulk transfer does not starve the others of its thread.
constexpr uint64_t kBudgetBytes = 256 * 1024;

enum class Sent : uint8_t { kAll, kBlocked, kFailed };

// Writes [bytes, bytes + count); `done` says how far it came.
Sent send_some(Side& to, const uint8_t* bytes, uint32_t count, uint32_t& done) {
  done = 0;
  while (done < count) {
    if (!to.writable) return Sent::kBlocked;
    const ssize_t n = send(to.fd, bytes + done, count - done, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n >= 0) {
      done += static_cast<uint32_t>(n);
    } else if (errno == EAGAIN) {
      to.writable = false;
    } else if (errno != EINTR) {
      return Sent::kFailed;
    }
  }
  return Sent::kAll;
}

Sent flush(Side& from, Side& to, Buffers& buffers, uint64_t& moved) {
  Backlog& backlog = from.backlog;
  if (backlog.empty()) return Sent::kAll;
  uint32_t done;
  const Sent sent = send_some(to, backlog.data + backlog.begin, backlog.end - backlog.begin, done);
  backlog.begin += done;
  moved += done;
  if (backlog.empty()) buffers.drop(backlog);
  return sent;
}

// Reads once. False: `result` says why there is nothing to write.
bool receive(Side& from, Buffers& buffers, uint32_t& count, CopyResult& result) {
  if (!from.readable || from.ended) {
    result = CopyResult::kIdle;
    return false;
  }
  ssize_t n;
  do {
    n = recv(from.fd, buffers.shared(), Buffers::kBytes, MSG_DONTWAIT);
  } while (n < 0 && errno == EINTR);
  if (n > 0) {
    count = static_cast<uint32_t>(n);
    from.bytes += count;
    // A short read has emptied the socket; later bytes are a new edge. Not so where a FIN waits behind the bytes, or
    // where reads stop at marks of their own: there EAGAIN or 0 must be seen.
    if (count < Buffers::kBytes && !from.finished && !from.probe) from.readable = false;
    return true;
  }
  if (n == 0) {
    from.ended = true;
    from.readable = false;
    result = CopyResult::kIdle;
  } else if (errno == EAGAIN) {
    from.readable = false;
    result = CopyResult::kIdle;
  } else {
    result = CopyResult::kFromReset;
  }
  return false;
}

CopyResult finish(Side& from, Side& to) {
  if (!from.ended || to.shut) return from.ended ? CopyResult::kEnded : CopyResult::kIdle;
  shutdown(to.fd, SHUT_WR);  // fails only on a socket that was reset, which epoll reports by itself
  to.shut = true;
  return CopyResult::kEnded;
}

}  // namespace

CopyResult copy(Session& session, Which which, Buffers& buffers, uint64_t& moved) {
  Side& from = session.side(which);
  Side& to = session.side(other(which));
  const uint64_t begin = moved;
  for (;;) {
    const Sent flushed = flush(from, to, buffers, moved);
    if (flushed == Sent::kFailed) return CopyResult::kToReset;
    if (flushed == Sent::kBlocked) return CopyResult::kIdle;
    if (moved - begin >= kBudgetBytes) return CopyResult::kBudget;
    uint32_t count = 0;
    CopyResult result;
    if (!receive(from, buffers, count, result)) return result == CopyResult::kIdle ? finish(from, to) : result;
    uint32_t done;
    const Sent sent = send_some(to, buffers.shared(), count, done);
    moved += done;
    if (sent == Sent::kFailed) return CopyResult::kToReset;
    if (sent == Sent::kBlocked && !buffers.hold(from.backlog, buffers.shared() + done, count - done)) {
      return CopyResult::kNoMemory;
    }
  }
}

}  // namespace limpet
