// What a PROXY header said of the client of a session, for those who ask before it is joined to its backend: routes by
// destination, keys, and headers that are sent on.
#pragma once

#include <cstdint>
#include <memory>
#include <new>
#include <span>
#include <type_traits>

#include "../protocol/proxy_protocol.h"

namespace limpet {

// Longest header of version 2 that a listener takes: as much as HAProxy, whose buffers have this size.
inline constexpr size_t kMostProxyHeaderBytes = 16 * 1024;

struct ProxiedClient {
  struct Free {
    void operator()(ProxiedClient* client) const { ::operator delete(client); }
  };

  // As it was decoded; its paths and TLVs lie behind this structure, in the same allocation.
  ProxyHeader header;
  // Who connected: the proxy.
  ClientAddress peer;

  // A copy. Null: no memory.
  static std::unique_ptr<ProxiedClient, Free> make(const ProxyHeader& header, const ClientAddress& peer);
};

static_assert(std::is_trivially_destructible_v<ProxiedClient>);

// Whom its header names, or else who connected. Null: there is no header.
inline const ClientAddress& client_of(const ProxiedClient* proxied, const ClientAddress& peer) {
  if (!proxied || proxied->header.source.family == ClientAddress::Family::kNone) return peer;
  return proxied->header.source;
}

using ProxiedClientPointer = std::unique_ptr<ProxiedClient, ProxiedClient::Free>;

}  // namespace limpet
