// The PROXY protocol, versions 1 and 2: what a proxy in front says of the client, before the client's first byte. As
// https://www.haproxy.org/download/2.6/doc/proxy-protocol.txt has it; what that leaves to a receiver is settled in
// docs/proxy-protocol.md. Pure functions of bytes, which allocate nothing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "../core/affinity_key.h"
#include "proxy_tlv.h"

namespace limpet {

// Longest line of version 1, CR and LF included.
inline constexpr size_t kMostProxyV1Bytes = 107;
// What every header of version 2 begins with: signature, version and command, family and transport, length.
inline constexpr size_t kProxyV2HeadBytes = 16;
inline constexpr size_t kMostProxyV2Bytes = kProxyV2HeadBytes + 0xffff;
// Both paths of a header about unix sockets, the source's first; each is filled up with NUL.
inline constexpr size_t kProxyPathBytes = 108;

enum class ProxyCommand : uint8_t {
  kLocal = 0,  // the proxy speaks for itself, as in a health check: the connection's own addresses hold
  kProxy = 1,
};

enum class ProxyTransport : uint8_t { kUnspecified = 0, kStream = 1, kDatagram = 2 };

struct ProxyHeader {
  uint8_t version = 2;
  ProxyCommand command = ProxyCommand::kProxy;
  ProxyTransport transport = ProxyTransport::kStream;
  // Normalised: never IPv4-mapped. Family kNone: the header names nobody, the connection's own addresses hold.
  ClientAddress source;
  ClientAddress destination;
  // 2 × kProxyPathBytes where the addresses are of family kUnix.
  std::span<const uint8_t> paths;
  // For ProxyTlvReader; checked.
  std::span<const uint8_t> tlvs;
};

// Why bytes are refused. The numbers are those of PROXY_FAULTS in src/protocol/proxy.ts.
enum class ProxyFault : uint8_t {
  kNone = 0,
  kNoHeader = 1,        // they begin like neither version
  kLineLength = 2,      // no CR and LF within kMostProxyV1Bytes
  kLineEnd = 3,         // a CR or an LF alone
  kProtocol = 4,        // neither TCP4, TCP6 nor UNKNOWN
  kAddress = 5,         // no address of that family, or more than one space before it
  kPort = 6,            // not 0…65535, a leading zero, or something behind the last one
  kVersion = 7,         // the signature of version 2, and another version
  kCommand = 8,         // neither LOCAL nor PROXY
  kFamily = 9,          // an unknown address family or transport
  kHeaderLength = 10,   // longer than the receiver takes
  kAddressLength = 11,  // shorter than its addresses
  kTlvLength = 12,      // a vector goes past the end, also one inside of that about TLS
  kChecksum = 13,       // the checksum is wrong, has not four bytes, or is there twice
  kUniqueId = 14,       // longer than kMostUniqueIdBytes
};

// One sentence without its full stop.
const char* proxy_fault_text(ProxyFault fault);

enum class ProxyStatus : uint8_t { kMore, kComplete, kRefused };

struct ProxyVerdict {
  ProxyStatus status = ProxyStatus::kMore;
  ProxyFault fault = ProxyFault::kNone;
  size_t length = 0;  // bytes of the header, where it is complete: the client's first byte follows
};

// Looks at the first bytes of a connection. kMore: call again when there are more of them, all from the first one on.
// A verdict other than kMore stays the same whatever follows, so it does not depend on how the bytes arrived; it is
// reached after kMostProxyV1Bytes or `most` bytes at the latest. `most`: longest header of version 2, from
// kProxyV2HeadBytes on. The header's spans point into `head`; it is unspecified unless it is complete.
ProxyVerdict decode_proxy(std::span<const uint8_t> head, size_t most, ProxyHeader& header);

// Both write a header into `into` and return how many bytes it has; 0: there is no room for it. An address that stands
// for an IPv4 one is written as IPv6 where the other is IPv6. kLocal, kUnspecified, and addresses that are not of one
// kind are written without addresses.

// kMostProxyV1Bytes are always enough. There is no LOCAL here, no datagram and no unix socket: they are UNKNOWN.
size_t encode_proxy_v1(const ProxyHeader& header, std::span<uint8_t> into);
// `header.tlvs` is not looked at, but `tlvs`; `checksum`: a vector of type kChecksum is added, as the last one.
size_t encode_proxy_v2(const ProxyHeader& header, std::span<const ProxyTlv> tlvs, bool checksum,
                       std::span<uint8_t> into);

// An IP address as inet_ntop() has it.
struct AddressText {
  explicit AddressText(const ClientAddress& address);
  char text[46];  // INET6_ADDRSTRLEN
};

}  // namespace limpet
