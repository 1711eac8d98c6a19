// PostgreSQL's clients ask for encryption before they say who they are (affinity.postgres.tls). Where that is refused
// it is answered here, and what follows is the startup packet, with the key in it.
#include <sys/socket.h>

#include "../protocol/postgres.h"
#include "worker.h"

namespace limpet {

// The request is taken out of what the backend will get, and counts as no byte of the session.
Worker::Asked Worker::refuse_encryption(Session& session, Bytes head) {
  if (!session.relay_pool().head.refuses_encryption) return Asked::kNothing;
  const EncryptionRequest request = encryption_request(head);
  if (request == EncryptionRequest::kNone) return Asked::kNothing;
  if (request == EncryptionRequest::kMore) return Asked::kPerhaps;
  const auto kind = static_cast<uint8_t>(1U << static_cast<unsigned>(request));
  if ((session.refused & kind) != 0) return Asked::kNothing;
  session.refused |= kind;
  if (!take_bytes(session, kEncryptionRequestBytes)) return Asked::kGone;
  // The first byte on this socket: there is room for it.
  const int fd = session.side(Which::kClient).fd;
  return send(fd, &kEncryptionRefused, 1, MSG_DONTWAIT | MSG_NOSIGNAL) == 1 ? Asked::kAnswered : Asked::kGone;
}

}  // namespace limpet
