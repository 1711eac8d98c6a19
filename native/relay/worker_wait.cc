// Clients of a pool whose backends are all full (limits.queue): a session without a seat, whose client is not read
// from. The pool calls it when it is its turn, as an order in the inbox of its worker.
#include <sys/socket.h>

#include <algorithm>
#include <utility>

#include "worker.h"

namespace limpet {

namespace {

// Between two connects. The seat that a failed one gave back is free, so that it would be its turn at once, as often as
// it may try: a server that is gone would empty the queue in a moment. As TURN_PAUSE_MS in src/relay/seat-wait.ts.
constexpr uint64_t kTurnPauseMs = 250;

}  // namespace

// It has ended its side without having said anything: nobody waits for an answer.
bool Worker::wants_nothing(const Side& side) {
  uint8_t byte;
  return side.finished && side.held() == 0 && recv(side.fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
}

// True: it waits, or could not and has ended.
bool Worker::wait_for_seat(Session& session) {
  Pool& pool = *session.relay_pool().pool;
  const QueueRules& rules = pool.rules().queue;
  if (rules.size == 0) return false;
  if (wants_nothing(session.side(Which::kClient))) {
    end(session, SessionCounter::kEndClientGone, false);
    return true;
  }
  session.waiter.room = this;
  session.waiter.place = session.place;
  session.waiter.id = session.id;
  if (session.wait_until_ms == 0) session.wait_until_ms = now_ms_ + rules.timeout_ms;
  session.tries = 0;
  session.called = false;
  session.waiting = pool.wait(*epoch_, session.seat, session.waiter, now_ms_);
  if (session.waiting) {
    wheel_->arm(session, session.wait_until_ms);
  } else {
    end(session, SessionCounter::kRefusedQueueFull, false);
  }
  return true;
}

void Worker::call(const Waiter& waiter) {
  post({.kind = Order::Kind::kTurn, .place = waiter.place, .session = waiter.id});
}

void Worker::take_turn(uint32_t place, uint64_t id) {
  Session* const session = find(place, id);
  if (!session || !session->waiting) return;
  const uint64_t began_us = session->connect_began_us;
  const uint64_t turn_from_ms = began_us == 0 ? 0 : began_us / 1000 + kTurnPauseMs;
  if (now_ms_ < turn_from_ms) {
    session->called = true;
    wheel_->arm(*session, std::min(turn_from_ms, session->wait_until_ms));
    return;
  }
  Pool& pool = *session->relay_pool().pool;
  const PickStatus status = pool.take_turn(*epoch_, session->seat, session->waiter, now_ms_);
  if (status != PickStatus::kOk) return;
  session->waiting = false;
  TimerWheel::disarm(*session);
  dispatch(*session, status);
}

// The turn that was put off, or it has waited for long enough.
void Worker::on_wait_timer(Session& session) {
  if (now_ms_ >= session.wait_until_ms) return end(session, SessionCounter::kRefusedQueueTimeout, false);
  wheel_->arm(session, session.wait_until_ms);
  if (std::exchange(session.called, false)) take_turn(session.place, session.id);
}

void Worker::stop_waiting(Session& session, SessionCounter cause) {
  if (!session.waiting) return;
  session.waiting = false;
  WaitEnd why = WaitEnd::kCut;
  if (cause == SessionCounter::kRefusedQueueTimeout) why = WaitEnd::kTimeout;
  if (cause == SessionCounter::kEndClientGone) why = WaitEnd::kGone;
  session.relay_pool().pool->stop_waiting(*epoch_, session.waiter, why, now_ms_);
}

}  // namespace limpet
