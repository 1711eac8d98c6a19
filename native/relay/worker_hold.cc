// Backends that take their new sessions at a rate (limits.admitPerSecond): a session has its seat, and waits for its
// turn before it connects. Its turn is a moment that it knows from the beginning, so that nobody has to wake it.
#include "worker.h"

namespace limpet {

// True: it waits, or it would have to wait for longer than a connect may take, and has ended.
bool Worker::hold(Session& session) {
  const RelayPool& relay_pool = session.relay_pool();
  if (relay_pool.pool->admit_per_second() == 0) return false;
  const auto wait_ms = relay_pool.pool->admit(*epoch_, session.seat, now_ms_, relay_pool.timeouts.connect_ms);
  if (!wait_ms) {
    end(session, SessionCounter::kRefusedAdmission, false);
    return true;
  }
  if (*wait_ms == 0) return false;
  session.held = true;
  wheel_->arm(session, now_ms_ + *wait_ms);
  return true;
}

// Its turn has come. A backend that serves nobody any more is not to blame; the client's pin goes along, as it would
// with a pick that comes now.
void Worker::release_held(Session& session) {
  session.held = false;
  Pool& pool = *session.relay_pool().pool;
  if (pool.serves_still(session.seat)) {
    dispatch(session, PickStatus::kOk, true);
    return;
  }
  session.tries++;
  if (session.tries > session.relay_pool().retries) {
    end(session, SessionCounter::kRefusedNoBackend, false);
    return;
  }
  dispatch(session, pool.redispatch(*epoch_, session.seat, false, now_ms_));
}

}  // namespace limpet
