#include "trials.h"

#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

namespace limpet::bench {

ConnectionClient::ConnectionClient(Trial& trial, size_t at_once) : Client(trial) {
  for (size_t i = 0; i < at_once; i++) sessions_.push_back(std::make_unique<Session>());
}

void ConnectionClient::begin() {
  active_ = sessions_.size();
  for (const auto& session : sessions_) start(*session);
}

void ConnectionClient::start(Session& session) {
  while (take_turn()) {
    session.got = 0;
    session.sent = false;
    session.began_ns = monotonic_ns();
    session.request = make_message(Verb::kPing, session.began_ns);
    session.fd = trial_.route.connect();
    if (session.fd < 0) {
      trial_.faults.count_error(errno);
      continue;
    }
    // On the same machine the connection stands when connect() returns, although that says EINPROGRESS.
    const bool good = send_request(session);
    if (good && watch(epoll_, session.fd, session.sent ? EPOLLIN : EPOLLIN | EPOLLOUT, &session)) return;
    if (good) trial_.faults.count_error(errno);
    close_session(session);
  }
  active_--;
}

void ConnectionClient::handle(Session& session, uint32_t events) {
  bool good = true;
  if (!session.sent && (events & EPOLLOUT) != 0) {
    good = send_request(session);
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.ptr = &session;
    if (good && session.sent) epoll_ctl(epoll_, EPOLL_CTL_MOD, session.fd, &event);
  }
  if (good && (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) {
    const Heard heard = read_answer(session);
    if (heard == Heard::kAll) done(session);
    good = heard == Heard::kPart;
  }
  if (good) return;
  close_session(session);
  start(session);
}

RoundTripClient::RoundTripClient(Trial& trial, size_t sessions, size_t in_flight)
    : Client(trial), in_flight_(std::min(sessions, in_flight)) {
  for (size_t i = 0; i < sessions; i++) sessions_.push_back(std::make_unique<Session>());
}

void RoundTripClient::begin() {
  if (!open_all()) return;
  for (const auto& session : sessions_) resting_.push_back(session.get());
  for (size_t i = 0; i < in_flight_; i++) send_next();
}

void RoundTripClient::send_next() {
  if (!take_turn()) return;
  Session& session = *resting_.front();
  resting_.pop_front();
  session.began_ns = monotonic_ns();
  session.request = make_message(Verb::kPing, session.began_ns);
  session.sent = false;
  if (!send_request(session)) {
    close_session(session);
    return;
  }
  active_++;
}

void RoundTripClient::handle(Session& session, uint32_t) {
  const Heard heard = read_answer(session);
  if (heard == Heard::kPart) return;
  active_--;
  if (heard == Heard::kFault) {
    close_session(session);
    return;
  }
  done(session);
  session.began_ns = 0;
  resting_.push_back(&session);
  send_next();
}

BulkClient::BulkClient(Trial& trial, size_t sessions, bool down, bool up) : Client(trial), down_(down), up_(up) {
  for (size_t i = 0; i < sessions; i++) {
    auto& session = *sessions_.emplace_back(std::make_unique<Session>());
    session.request = make_message(Verb::kStream, i, down, up);
    streams_.emplace_back(Stream::End::kClient, static_cast<uint32_t>(i));
  }
}

void BulkClient::begin() {
  if (!open_all()) return;
  for (const auto& session : sessions_) {
    if (!send_request(*session)) return;
    session->began_ns = monotonic_ns();  // one that never gets anything has stalled since then
    epoll_event event{};
    event.events = up_ ? EPOLLIN | EPOLLOUT : EPOLLIN;
    event.data.ptr = session.get();
    epoll_ctl(epoll_, EPOLL_CTL_MOD, session->fd, &event);
  }
  active_ = sessions_.size();
}

void BulkClient::handle(Session& session, uint32_t events) {
  Stream& stream = streams_[session.request.seed()];
  session.began_ns = monotonic_ns();  // of its last progress
  bool good = true;
  if ((events & EPOLLOUT) != 0) good = stream.send(session.fd, pattern_, trial_.faults, trial_.bytes);
  if (good && (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) {
    good = stream.receive(session.fd, pattern_, trial_.faults, trial_.bytes);
    if (!good && trial_.faults.total() == 0) trial_.faults.count(Fault::kClosed);
  }
  if (good) return;
  close_session(session);
  active_--;
}

}  // namespace limpet::bench
