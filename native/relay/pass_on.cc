// Clients that JavaScript has waited for: their heads were looked at there, and their keys are known.
#include <fcntl.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>

#include "relay.h"
#include "socket_address.h"

namespace limpet {

namespace {

// What a whole header says. Null: it is none, or there is no memory.
ProxiedClientPointer read_proxied(Bytes bytes, const ClientAddress& peer) {
  ProxyHeader header;
  const ProxyVerdict verdict = decode_proxy(bytes, kMostProxyHeaderBytes, header);
  if (verdict.status != ProxyStatus::kComplete) return nullptr;
  return ProxiedClient::make(header, peer);
}

}  // namespace

// The descriptor and the head, for a worker; on a failure neither.
bool Relay::copy_client(int fd, Bytes head, NewClient& client) {
  client.fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
  if (client.fd < 0) return false;
  if (head.empty()) return true;
  client.head.data = static_cast<uint8_t*>(std::malloc(head.size()));
  if (!client.head.data) {
    close(client.fd);
    return false;
  }
  std::memcpy(client.head.data, head.data(), head.size());
  client.head.end = static_cast<uint32_t>(head.size());
  return true;
}

bool Relay::pass_on(uint32_t listener_id, int fd, const PassedClient& passed) {
  RelayListener* const listener = find(listener_id);
  // Its pool may have been let go meanwhile: nobody comes to the listener any more, and who waits elsewhere is no
  // session of it yet.
  if (!listener || stopped_ || !listener->pool->pool) return false;
  const ClientAddress address = peer_of(fd);
  if (address.family == ClientAddress::Family::kNone) return false;
  ProxiedClientPointer proxied;
  if (!passed.proxy_header.empty() && !(proxied = read_proxied(passed.proxy_header, address))) return false;
  NewClient client{-1, listener, address, {}, passed.record, listener->has_options};
  if (!copy_client(fd, passed.head, client)) return false;
  const Pool& pool = *listener->pool->pool;
  client.key = passed.key ? pool.key(*passed.key) : pool.key(client_of(proxied.get(), address));
  client.waited_ms = passed.waited_ms;
  client.look_ms = passed.look_ms;
  client.named = passed.named;
  client.proxied = proxied.release();
  // Its place is the caller's up to now, who counts it for `max_sessions`, too.
  listener->sessions.fetch_add(1);
  least_loaded().submit(client);
  return true;
}

}  // namespace limpet
