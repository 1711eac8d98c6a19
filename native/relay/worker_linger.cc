// A side that is gone had sent all that it wanted to, and the other one, which writes on, has not got all of that yet.
// Were its socket closed now, the next byte from it would be answered by a reset, which takes away what is still on its
// way (RFC 9112, 9.6). So for a little while what it writes is read, and forgotten.
#include "connector.h"
#include "worker.h"

namespace limpet {

namespace {

// For so long without any progress, and how often that is looked at.
constexpr uint64_t kLingerMs = 2000;
constexpr uint64_t kLookMs = 50;

}  // namespace

// False: it has all of it, has ended itself, or was waited for long enough.
bool Worker::linger(Session& session, Side& receiver) {
  // Otherwise nothing is whole, and a reset is what it gets. A unix socket keeps what it was sent.
  if (!receiver.shut || receiver.ended || receiver.probe || !discard_unread(receiver.fd)) return false;
  const unsigned left = unacknowledged(receiver.fd);
  if (left == 0) return false;
  if (!session.lingers || left < session.unacknowledged) session.active_ms = now_ms_;
  if (now_ms_ >= session.active_ms + kLingerMs) return false;
  session.lingers = true;
  session.unacknowledged = left;
  wheel_->arm(session, now_ms_ + kLookMs);
  return true;
}

}  // namespace limpet
