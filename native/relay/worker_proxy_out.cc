// The PROXY protocol towards backends: who the client is, said at once when a backend is connected, before anything
// that the client sends. A server that speaks first has to know it, too.
#include <sys/un.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "../protocol/proxy_protocol.h"
#include "../protocol/tls_client_hello.h"
#include "worker.h"

namespace limpet {

namespace {

using Paths = std::array<uint8_t, 2 * kProxyPathBytes>;

// An unnamed socket has none: it stays zeros.
void put_path(const SocketAddress& address, uint8_t* into) {
  constexpr size_t kBegin = offsetof(sockaddr_un, sun_path);
  if (address.family() != AF_UNIX || address.length <= kBegin) return;
  const auto* const un = reinterpret_cast<const sockaddr_un*>(&address.storage);
  std::copy_n(un->sun_path, std::min<size_t>(address.length - kBegin, kProxyPathBytes), into);
}

bool names_both(const ProxyHeader& header) {
  constexpr auto kNone = ClientAddress::Family::kNone;
  return header.source.family != kNone && header.destination.family != kNone;
}
// Who is joined to whom: for a client behind a proxy, whom that was told to join it to.
ProxyHeader header_of(const Session& session, Paths& paths) {
  const int fd = session.sides[static_cast<unsigned>(Which::kClient)].fd;
  const SocketAddress local = local_address(fd);
  ProxyHeader header;
  header.source = session.client;
  header.destination = client_address(local);
  if (session.proxied && names_both(session.proxied->header)) header.destination = session.proxied->header.destination;
  if (session.proxied && session.client.family == ClientAddress::Family::kUnix) {
    header.paths = session.proxied->header.paths;
  } else if (session.client.family == ClientAddress::Family::kUnix) {
    put_path(peer_address(fd), paths.data());
    put_path(local, paths.data() + kProxyPathBytes);
    header.paths = paths;
  }
  return header;
}

}  // namespace

// The server's name that the client wants: of its TLS, as far as that has come by now, as nobody is let wait for it; or
// what its proxy says.
std::string_view Worker::server_name(Session& session) {
  if (!peek_room_) peek_room_ = std::make_unique<PeekRoom>();
  const auto head = peek_head(session.side(Which::kClient), session.listener->peek.bytes, *peek_room_);
  if (!head) return {};
  const Extraction name = tls_sni(*head, peek_room_->scratch);
  if (name.verdict == Verdict::kFound) return name.key;
  const auto told =
      session.proxied ? find_proxy_tlv(session.proxied->header.tlvs, proxy_tlv::kAuthority) : std::nullopt;
  return told ? std::string_view(reinterpret_cast<const char*>(told->data()), told->size()) : std::string_view();
}

// False: the session has ended.
bool Worker::send_proxy_header(Session& session) {
  const Outgoing& outgoing = session.relay_pool().outgoing;
  Paths paths{};
  const ProxyHeader header = header_of(session, paths);
  const std::span<uint8_t> room = copier_.room();
  size_t size = 0;
  if (outgoing.proxy == SendProxy::kV1) {
    size = encode_proxy_v1(header, room);
  } else {
    std::array<ProxyTlv, 2> tlvs;
    size_t count = 0;
    char id[20];  // 2^64 has as many digits
    const std::string_view name = (outgoing.tlvs & kSendAuthority) != 0 ? server_name(session) : std::string_view();
    if (!name.empty()) tlvs[count++] = {proxy_tlv::kAuthority, bytes_of(name)};
    if ((outgoing.tlvs & kSendUniqueId) != 0) {
      const char* const last = std::to_chars(id, id + sizeof id, session.id).ptr;
      tlvs[count++] = {proxy_tlv::kUniqueId, bytes_of({id, static_cast<size_t>(last - id)})};
    }
    size = encode_proxy_v2(header, std::span(tlvs).first(count), (outgoing.tlvs & kSendChecksum) != 0, room);
  }
  if (copier_.send_ahead(session, Which::kClient, static_cast<uint32_t>(size))) return true;
  end(session, SessionCounter::kEndError, true);
  return false;
}

}  // namespace limpet
