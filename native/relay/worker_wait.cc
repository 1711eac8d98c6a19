// Clients of a pool whose backends are all full (limits.queue): a session without a seat, whose client is not read
// from. The pool calls it when it is its turn, as an order in the inbox of its worker.
#include "worker.h"

namespace limpet {

// True: it waits, or could not and has ended.
bool Worker::wait_for_seat(Session& session) {
  Pool& pool = *session.relay_pool().pool;
  const QueueRules& rules = pool.rules().queue;
  if (rules.size == 0) return false;
  if (session.side(Which::kClient).finished) {
    end(session, SessionCounter::kEndClientGone, false);
    return true;
  }
  session.waiter.room = this;
  session.waiter.place = session.place;
  session.waiter.id = session.id;
  session.waiting = pool.wait(*epoch_, session.seat, session.waiter, now_ms_);
  if (session.waiting) {
    wheel_->arm(session, now_ms_ + rules.timeout_ms);
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
  Pool& pool = *session->relay_pool().pool;
  const PickStatus status = pool.take_turn(*epoch_, session->seat, session->waiter, now_ms_);
  if (status != PickStatus::kOk) return;
  session->waiting = false;
  TimerWheel::disarm(*session);
  dispatch(*session, status);
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
