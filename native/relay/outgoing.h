// How a pool's connections to backends are made: from which address, and what is said there of the client before its
// first byte.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "socket_address.h"

namespace limpet {

// The PROXY protocol header that a backend gets. The numbers are those of SendProxy in src/native.ts.
enum class SendProxy : uint8_t { kOff = 0, kV1 = 1, kV2 = 2 };
inline constexpr uint32_t kMaxSendProxy = 2;

// What a header of version 2 holds besides the addresses: bits, those of PROXY_OUT_TLVS in src/native.ts.
inline constexpr uint32_t kSendUniqueId = 1;  // the session's id
inline constexpr uint32_t kSendChecksum = 2;
inline constexpr uint32_t kSendAuthority = 4;  // the server name of the client's TLS, where it has come by then

// Connections that come from the client's own address (IP_TRANSPARENT). The numbers are those of Transparent in
// src/native.ts.
enum class Transparent : uint8_t {
  kOff = 0,
  kAddress = 1,  // with a port of the system's choice
  kPort = 2,     // with the client's port, too
};
inline constexpr uint32_t kMaxTransparent = 2;

using SourceAddresses = std::vector<std::shared_ptr<const SocketAddress>>;

struct Outgoing {
  SendProxy proxy = SendProxy::kOff;
  uint32_t tlvs = 0;
  Transparent transparent = Transparent::kOff;
  // Addresses of this host that connections come from, in turn; empty: the system chooses.
  SourceAddresses ipv4;
  SourceAddresses ipv6;

  bool binds() const { return transparent != Transparent::kOff || !ipv4.empty() || !ipv6.empty(); }
  const SourceAddresses& sources(sa_family_t family) const { return family == AF_INET6 ? ipv6 : ipv4; }
};

}  // namespace limpet
