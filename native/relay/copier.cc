#include "copier.h"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "connector.h"
#include "splicer.h"

namespace limpet {

namespace {

// Per direction and wake-up: one bulk transfer does not starve the others of its thread. A spliced byte takes a third
// of the time of a copied one.
constexpr uint64_t kBudgetBytes = 256 * 1024;
constexpr uint64_t kSplicedBudgetBytes = 1024 * 1024;
// Nor do many small messages.
constexpr unsigned kBudgetReads = 128;

// So many reads in a row that filled the buffer are bulk; a wake-up that moves less than this is none any more.
constexpr uint8_t kFullReads = 3;
constexpr uint64_t kQuietBytes = 16 * 1024;

// Before a write. The first one on a fresh connection goes out at once, Nagle's algorithm or not.
void prepare(Side& to) {
  if (to.delays && to.sent) {
    set_no_delay(to.fd);
    to.delays = false;
  }
  to.sent = true;
}

// Writes [bytes, bytes + count); `done` says how far it came. 0, or the errno of what was in the way for good.
int send_some(Side& to, const uint8_t* bytes, uint32_t count, uint32_t& done) {
  done = 0;
  while (done < count && to.writable) {
    prepare(to);
    const ssize_t n = send(to.fd, bytes + done, count - done, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n >= 0) {
      done += static_cast<uint32_t>(n);
    } else if (errno == EAGAIN) {
      to.writable = false;
    } else if (errno != EINTR) {
      return errno;
    }
  }
  return 0;
}

void keep_first(Side& from, Bytes bytes) {
  if (!from.first) from.first = std::make_unique<FirstBytes>();
  from.first->add(bytes);
}

CopyResult finish(const Side& from, Side& to) {
  if (!from.ended) return CopyResult::kIdle;
  // Where the other direction is complete, too, the session ends here, and close() sends the FIN: there is nothing
  // unread for which it would send a reset. shutdown() fails only on a socket that was reset, which epoll reports by
  // itself.
  const bool closes = to.ended && from.shut;
  if (!to.shut && !closes) shutdown(to.fd, SHUT_WR);
  to.shut = true;
  return CopyResult::kEnded;
}

}  // namespace

CopyResult Copier::copy(Session& session, Which which, uint64_t& moved) {
  Side& from = session.side(which);
  const CopyResult result = move(from, session.side(other(which)), moved);
  if (from.pipe.open() && from.pipe.held == 0) pipes_.give_back(from.pipe);
  return result;
}

bool Copier::send_ahead(Session& session, Which which, uint32_t count) {
  Side& from = session.side(which);
  Side& to = session.side(other(which));
  uint32_t done;
  const int error = send_some(to, buffers_.shared(), count, done);
  if (error != 0) return failed(to, error) == Sent::kFailed;
  return done == count || buffers_.put_ahead(from.backlog, buffers_.shared() + done, count - done);
}

void Copier::drop(Side& from) {
  if (!from.backlog.empty()) buffers_.drop(from.backlog);
  if (from.pipe.open()) pipes_.give_back(from.pipe);
  from.first = nullptr;
}

CopyResult Copier::move(Side& from, Side& to, uint64_t& moved) {
  const uint64_t begin = moved;
  Sent sent = flush(from, to, moved);
  for (unsigned reads = 0; sent == Sent::kAll; reads++) {
    if (!from.readable || from.ended) return finish(from, to);
    const uint64_t most = from.splices ? kSplicedBudgetBytes : kBudgetBytes;
    if (moved - begin >= most || reads == kBudgetReads) return CopyResult::kBudget;
    if (may_splice(from, to)) {
      if (!fill_pipe(from)) return CopyResult::kFromReset;
      sent = flush_pipe(from, to, moved);
    } else {
      uint32_t count = 0;
      if (!receive(from, count)) return CopyResult::kFromReset;
      sent = send_buffer(from, to, count, moved);
    }
  }
  if (sent == Sent::kBlocked) return CopyResult::kIdle;
  return sent == Sent::kFailed ? CopyResult::kToReset : CopyResult::kError;
}

// Whether bulk goes through a pipe, which `from` has then.
bool Copier::may_splice(Side& from, const Side& to) {
  if (!from.splices) return false;
  // Unix sockets, and streams with urgent data, at which splice() stops for good.
  from.splices = !from.copies && !from.probe && !to.probe && (from.pipe.open() || pipes_.lend(from.pipe));
  return from.splices;
}

// Reads once into the thread's buffer; `count` may be 0. False: the sender is gone.
bool Copier::receive(Side& from, uint32_t& count) {
  ssize_t n;
  do {
    n = recv(from.fd, buffers_.shared(), Buffers::kBytes, MSG_DONTWAIT);
  } while (n < 0 && errno == EINTR);
  if (n <= 0) {
    from.full_reads = 0;
    from.readable = false;
    if (n == 0 && from.failed && !from.whole) return false;
    from.ended = n == 0;
    return n == 0 || errno == EAGAIN;
  }
  count = static_cast<uint32_t>(n);
  from.bytes += count;
  if (from.overheard) keep_first(from, {buffers_.shared(), count});
  if (count == Buffers::kBytes) {
    if (++from.full_reads < kFullReads) return true;
    from.splices = true;
  } else if (!from.finished && !from.probe) {
    // A short read has emptied the socket; later bytes are a new edge. Not so where a FIN waits behind the bytes, or
    // where reads stop at marks of their own: there EAGAIN or 0 must be seen.
    from.readable = false;
  }
  from.full_reads = 0;
  return true;
}

// Splices once into the pipe; nothing may come of it. False: the sender is gone.
bool Copier::fill_pipe(Side& from) {
  switch (splice_in(from)) {
    case Spliced::kSome:
      return true;
    case Spliced::kBlocked:
      from.splices = from.bytes - from.rested >= kQuietBytes;
      from.rested = from.bytes;
      return true;
    case Spliced::kNothing:
      from.splices = false;
      return true;
    case Spliced::kRefused:
      refuse(from);
      return true;
    case Spliced::kFailed:
      return false;
  }
  return false;
}

void Copier::refuse(Side& from) {
  from.copies = true;
  from.splices = false;
  counters_.add(SessionCounter::kSpliceFallbacks);
}

// Where this host has no memory, the receiver is not to blame.
Copier::Sent Copier::failed(Side& to, int error) {
  if (is_local_failure(error)) return Sent::kError;
  to.fail(error);
  return Sent::kFailed;
}

Copier::Sent Copier::flush(Side& from, Side& to, uint64_t& moved) {
  Backlog& backlog = from.backlog;
  if (!backlog.empty()) {
    uint32_t done;
    const int error = send_some(to, backlog.data + backlog.begin, backlog.end - backlog.begin, done);
    const uint32_t ahead = std::min(done, backlog.ahead);
    backlog.begin += done;
    backlog.ahead -= ahead;
    moved += done - ahead;
    if (error != 0) return failed(to, error);
    if (!backlog.empty()) return Sent::kBlocked;
    buffers_.drop(backlog);
  }
  return flush_pipe(from, to, moved);
}

Copier::Sent Copier::flush_pipe(Side& from, Side& to, uint64_t& moved) {
  while (from.pipe.held > 0) {
    if (!to.writable) return Sent::kBlocked;
    if (from.copies) return empty_pipe(from, to, moved);
    prepare(to);
    const uint64_t before = moved;
    switch (splice_out(from, to, moved)) {
      case Spliced::kSome:
        counters_.add(SessionCounter::kBytesSpliced, moved - before);
        break;
      case Spliced::kBlocked:
        break;
      case Spliced::kNothing:
      case Spliced::kRefused:
        refuse(from);
        break;
      case Spliced::kFailed:
        return Sent::kFailed;
    }
  }
  return Sent::kAll;
}

// Through the buffer, since the kernel does not splice the pipe's bytes to the receiver.
Copier::Sent Copier::empty_pipe(Side& from, Side& to, uint64_t& moved) {
  while (from.pipe.held > 0) {
    const ssize_t n = read(from.pipe.read_end, buffers_.shared(), std::min(from.pipe.held, Buffers::kBytes));
    if (n <= 0) return Sent::kError;
    from.pipe.held -= static_cast<uint32_t>(n);
    const Sent sent = send_buffer(from, to, static_cast<uint32_t>(n), moved);
    if (sent != Sent::kAll) return sent;
  }
  return Sent::kAll;
}

// Writes what is in the thread's buffer; the rest becomes the backlog of `from`.
Copier::Sent Copier::send_buffer(Side& from, Side& to, uint32_t count, uint64_t& moved) {
  uint32_t done;
  const int error = send_some(to, buffers_.shared(), count, done);
  moved += done;
  if (error != 0) return failed(to, error);
  if (done == count) return Sent::kAll;
  return buffers_.hold(from.backlog, buffers_.shared() + done, count - done) ? Sent::kBlocked : Sent::kError;
}

}  // namespace limpet
