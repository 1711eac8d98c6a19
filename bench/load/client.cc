#include "client.h"

#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

#include "../arguments.h"
#include "opener.h"

namespace limpet::bench {

namespace {

constexpr int kEventsAtOnce = 256;

}  // namespace

Client::Client(Trial& trial) : trial_(trial), epoll_(epoll_create1(EPOLL_CLOEXEC)) {
  if (!watch(epoll_, trial_.stop, EPOLLIN, nullptr)) refuse("epoll is not to be had", 1);
}

Client::~Client() {
  for (const auto& session : sessions_) {
    if (session->fd >= 0) close(session->fd);
  }
  close(epoll_);
}

void Client::run() {
  begin();
  epoll_event events[kEventsAtOnce];
  while (active_ > 0) {
    const int count = epoll_wait(epoll_, events, kEventsAtOnce, -1);
    for (int i = 0; i < count; i++) {
      if (!events[i].data.ptr) return count_stalled();
      handle(*static_cast<Session*>(events[i].data.ptr), events[i].events);
    }
  }
}

bool Client::open_all() {
  const std::vector<int> opened = open_sessions(trial_.route, sessions_.size(), trial_.faults);
  for (size_t i = 0; i < opened.size(); i++) sessions_[i]->fd = opened[i];
  if (trial_.faults.total() > 0) return false;
  for (const auto& session : sessions_) {
    if (watch(epoll_, session->fd, EPOLLIN, session.get())) continue;
    trial_.faults.count_error(errno);
    return false;
  }
  return true;
}

bool Client::take_turn() {
  if (trial_.faults.total() > kMostFaults) return false;
  return trial_.remaining.fetch_sub(1, std::memory_order_relaxed) > 0;
}

bool Client::send_request(Session& session) {
  // A socket that was just opened takes a head and a message whole.
  const bool is_first = !trial_.head.empty();
  const std::vector<uint8_t> first = is_first ? trial_.head.before(session.request) : std::vector<uint8_t>();
  const void* const bytes = is_first ? static_cast<const void*>(first.data()) : &session.request;
  const size_t size = is_first ? first.size() : sizeof session.request;
  const ssize_t count = send(session.fd, bytes, size, MSG_NOSIGNAL);
  if (count == static_cast<ssize_t>(size)) {
    session.sent = true;
    return true;
  }
  if (count < 0 && (errno == EAGAIN || errno == EINTR)) return true;
  if (count >= 0) {
    trial_.faults.count(Fault::kStalled);
    return false;
  }
  trial_.faults.count_error(errno);
  return false;
}

Client::Heard Client::read_answer(Session& session) {
  auto* const bytes = reinterpret_cast<uint8_t*>(&session.answer);
  const ssize_t count = recv(session.fd, bytes + session.got, sizeof session.answer - session.got, 0);
  if (count < 0 && (errno == EAGAIN || errno == EINTR)) return Heard::kPart;
  if (count < 0) trial_.faults.count_error(errno);
  if (count == 0) trial_.faults.count(Fault::kClosed);
  if (count <= 0) return Heard::kFault;
  session.got += static_cast<size_t>(count);
  if (session.got < sizeof session.answer) return Heard::kPart;
  session.got = 0;
  if (session.answer.answers(session.request)) return Heard::kAll;
  trial_.faults.count(Fault::kCorrupt);
  return Heard::kFault;
}

void Client::done(const Session& session) {
  trial_.units.fetch_add(1, std::memory_order_relaxed);
  if (trial_.recording.load(std::memory_order_relaxed)) latency_.add(monotonic_ns() - session.began_ns);
}

void Client::close_session(Session& session) {
  close(session.fd);
  session.fd = -1;
}

void Client::count_stalled() {
  const uint64_t now = monotonic_ns();
  for (const auto& session : sessions_) {
    if (session->fd >= 0 && session->began_ns != 0 && now - session->began_ns > kStalledNs) {
      trial_.faults.count(Fault::kStalled);
    }
  }
}

}  // namespace limpet::bench
