// Keys that are learnt from the first bytes of a backend's answer: the session by which a client of TLS comes back.
// They are looked at where they were copied through the thread's buffer, so that nothing is read twice or held up.
#include "worker.h"

namespace limpet {

void Worker::learn(Session& session) {
  Side& backend = session.side(Which::kBackend);
  if (!backend.first) return;  // it has said nothing yet
  const Extraction name = tls_server_session_id(backend.first->all(), peek_room_->scratch);
  if (name.verdict == Verdict::kMore && !backend.first->full()) return;
  if (name.verdict == Verdict::kFound) {
    Pool& pool = *session.relay_pool().pool;
    pool.learn(*epoch_, pool.key(bytes_of(name.key)), session.seat, now_ms_);
  }
  backend.overheard = false;
  backend.first = nullptr;
}

}  // namespace limpet
