#include "relay.h"

#include <fcntl.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "../arguments.h"

namespace limpet::bench {

namespace {

constexpr int kEventsAtOnce = 256;
// What a pipe holds, as Linux makes it.
constexpr size_t kSpliceBytes = 64 * 1024;

int connect_to(const sockaddr_in& address) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return -1;
  const int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 || errno == EINPROGRESS) return fd;
  close(fd);
  return -1;
}

}  // namespace

FloorRelay::FloorRelay(int listener, const std::vector<sockaddr_in>& backends)
    : listener_(listener), backends_(backends), epoll_(epoll_create1(EPOLL_CLOEXEC)) {
  epoll_event event{};
  event.events = EPOLLIN | EPOLLEXCLUSIVE;
  event.data.ptr = nullptr;
  if (epoll_ < 0 || epoll_ctl(epoll_, EPOLL_CTL_ADD, listener_, &event) != 0) {
    refuse(std::string("epoll: ") + std::strerror(errno), 1);
  }
}

void FloorRelay::run() {
  epoll_event events[kEventsAtOnce];
  for (;;) {
    const int count = epoll_wait(epoll_, events, kEventsAtOnce, -1);
    for (int i = 0; i < count; i++) {
      if (!events[i].data.ptr) {
        accept_some();
      } else {
        Side& side = *static_cast<Side*>(events[i].data.ptr);
        if (!side.session->closed) handle(side, events[i].events);
      }
    }
    for (const Session* session : closed_) delete session;
    closed_.clear();
  }
}

// One a wake-up: level-triggered, so what waits is reported again, and no accept4 is spent on finding the queue empty.
void FloorRelay::accept_some() {
  const int fd = accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (fd < 0) return;
  accepted_.store(accepted() + 1, std::memory_order_relaxed);
  const int backend = connect_to(backends_[next_backend_++ % backends_.size()]);
  if (backend < 0) {
    close(fd);
    return;
  }
  auto* session = new Session;
  session->client.session = session->backend.session = session;
  session->client.fd = fd;
  session->backend.fd = backend;
  // The connect is not waited for: what the client sends meanwhile is held, as if the backend read slowly, and a
  // connect that fails is an error when the backend is read.
  for (Side* side : {&session->client, &session->backend}) {
    epoll_event event{};
    event.events = side->interest = EPOLLIN;
    event.data.ptr = side;
    if (epoll_ctl(epoll_, EPOLL_CTL_ADD, side->fd, &event) == 0) continue;
    close_session(*session);
    return;
  }
}

void FloorRelay::handle(Side& side, uint32_t events) {
  Session& session = *side.session;
  Side& other = session.other(side);
  bool lives = true;
  if (lives && (events & EPOLLOUT) != 0) lives = move(other, side);
  if (lives && (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) lives = move(side, other);
  // A reset after its end, which nothing reads any more, would be reported for ever.
  if (side.ended && (other.ended || (events & EPOLLERR) != 0)) lives = false;
  if (!lives || !watch(side) || !watch(other)) close_session(session);
}

bool FloorRelay::move(Side& from, Side& to) {
  if (!from.held.empty() || from.in_pipe > 0) return flush(from, to);
  if (from.ended) return true;
  return from.full_reads >= kFullReads ? splice_through(from, to) : copy(from, to);
}

bool FloorRelay::copy(Side& from, Side& to) {
  const ssize_t count = recv(from.fd, buffer_.get(), kBufferBytes, 0);
  if (count < 0) return errno == EAGAIN || errno == EINTR;
  if (count == 0) return finish(from, to);
  from.full_reads = static_cast<size_t>(count) == kBufferBytes ? from.full_reads + 1 : 0;
  ssize_t sent = send(to.fd, buffer_.get(), static_cast<size_t>(count), 0);
  if (sent < 0 && errno != EAGAIN) return false;
  if (sent < 0) sent = 0;
  from.held.assign(buffer_.get() + sent, buffer_.get() + count);
  return true;
}

bool FloorRelay::splice_through(Side& from, Side& to) {
  if (from.pipe[0] < 0 && pipe2(from.pipe, O_NONBLOCK | O_CLOEXEC) != 0) {
    from.full_reads = 0;
    return copy(from, to);
  }
  const ssize_t count = splice(from.fd, nullptr, from.pipe[1], nullptr, kSpliceBytes, SPLICE_F_NONBLOCK);
  if (count < 0) return errno == EAGAIN || errno == EINTR;
  if (count == 0) return finish(from, to);
  from.in_pipe = static_cast<size_t>(count);
  return flush(from, to);
}

bool FloorRelay::flush(Side& from, Side& to) {
  if (from.in_pipe > 0) {
    const ssize_t count = splice(from.pipe[0], nullptr, to.fd, nullptr, from.in_pipe, SPLICE_F_NONBLOCK);
    if (count < 0) return errno == EAGAIN || errno == EINTR;
    from.in_pipe -= static_cast<size_t>(count);
    return true;
  }
  const ssize_t count = send(to.fd, from.held.data(), from.held.size(), 0);
  if (count < 0) return errno == EAGAIN || errno == EINTR;
  from.held.erase(from.held.begin(), from.held.begin() + count);
  return true;
}

bool FloorRelay::finish(Side& from, Side& to) {
  from.ended = true;
  // Both have ended: closing says so.
  return to.ended || shutdown(to.fd, SHUT_WR) == 0;
}

// Reads while nothing is held up, waits for room while something is.
bool FloorRelay::watch(Side& side) {
  Session& session = *side.session;
  const Side& other = session.other(side);
  const bool stuck = !side.held.empty() || side.in_pipe > 0;
  uint32_t interest = !stuck && !side.ended ? uint32_t{EPOLLIN} : 0;
  if (!other.held.empty() || other.in_pipe > 0) interest |= EPOLLOUT;
  if (interest == side.interest) return true;
  epoll_event event{};
  event.events = side.interest = interest;
  event.data.ptr = &side;
  return epoll_ctl(epoll_, EPOLL_CTL_MOD, side.fd, &event) == 0;
}

void FloorRelay::close_session(Session& session) {
  session.closed = true;
  for (Side* side : {&session.client, &session.backend}) {
    close(side->fd);
    for (const int fd : side->pipe) {
      if (fd >= 0) close(fd);
    }
  }
  closed_.push_back(&session);
}

}  // namespace limpet::bench
