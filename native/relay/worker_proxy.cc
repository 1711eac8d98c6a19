// Listeners that take their clients from proxies: a session begins with a PROXY header, which is looked at where it
// lies, as a head is (worker_peek.cc), and then taken out of the socket, and not a byte of what follows it.
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

#include "acceptor.h"
#include "peek.h"
#include "worker.h"

namespace limpet {

ProxiedClientPointer ProxiedClient::make(const ProxyHeader& header, const ClientAddress& peer) {
  const size_t bytes = header.paths.size() + header.tlvs.size();
  void* const room = ::operator new(sizeof(ProxiedClient) + bytes, std::nothrow);
  if (!room) return nullptr;
  auto* const made = new (room) ProxiedClient{header, peer};
  auto* const paths = reinterpret_cast<uint8_t*>(made + 1);
  uint8_t* const tlvs = std::ranges::copy(header.paths, paths).out;
  std::ranges::copy(header.tlvs, tlvs);
  made->header.paths = {paths, header.paths.size()};
  made->header.tlvs = {tlvs, header.tlvs.size()};
  return ProxiedClientPointer(made);
}

void Worker::begin_proxy(Session& session) {
  if (!peek_room_) peek_room_ = std::make_unique<PeekRoom>();
  session.proxying = true;
  wheel_->arm(session, session.began_ms + session.listener->proxy.timeout_ms);
  // It may have come with the handshake, or with the hand-over: nothing would be reported then.
  read_proxy(session);
}

void Worker::read_proxy(Session& session) {
  const Side& client = session.side(Which::kClient);
  const auto head = peek_head(client, kMostProxyHeaderBytes, *peek_room_);
  if (!head) return end(session, SessionCounter::kEndClientGone, false);
  ProxyHeader header;
  const ProxyVerdict verdict = decode_proxy(*head, kMostProxyHeaderBytes, header);
  switch (verdict.status) {
    case ProxyStatus::kMore:
      if (!client.finished) return;
      // Nothing at all: a check of the proxy's that only connects.
      return end(session, head->empty() ? SessionCounter::kEndClientGone : SessionCounter::kRefusedProxyInvalid, false);
    case ProxyStatus::kRefused:
      return end(session, SessionCounter::kRefusedProxyInvalid, false);
    case ProxyStatus::kComplete:
      break;
  }
  session.proxying = false;
  TimerWheel::disarm(session);
  session.proxied = ProxiedClient::make(header, session.client);
  if (!session.proxied || !take_bytes(session, verdict.length)) return end(session, SessionCounter::kEndError, false);
  if (header.source.family != ClientAddress::Family::kNone) session.client = header.source;
  if (is_denied(*session.listener, session.client)) return end(session, SessionCounter::kRefusedDenied, false);
  begin_pool(session);
}

// Takes so many bytes from the client that were looked at; they count nowhere.
bool Worker::take_bytes(Session& session, size_t count) {
  Side& client = session.side(Which::kClient);
  Backlog& backlog = client.backlog;
  const size_t before = std::min<size_t>(backlog.end - backlog.begin, count);
  client.bytes -= before;
  if (before == backlog.end - backlog.begin) {
    copier_.drop(client);
  } else {
    backlog.begin += static_cast<uint32_t>(before);
  }
  for (count -= before; count > 0;) {
    const ssize_t taken = recv(client.fd, peek_room_->head.data(), count, MSG_DONTWAIT);
    if (taken < 0 && errno == EINTR) continue;
    if (taken <= 0) return false;
    count -= static_cast<size_t>(taken);
  }
  return true;
}

}  // namespace limpet
