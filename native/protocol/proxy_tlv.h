// The type-length-value vectors behind the addresses of a PROXY protocol header of version 2: views of its bytes,
// nothing is copied.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace limpet {

// Types that are registered (section 2.2 of the specification), and those of cloud providers that name a private
// endpoint; any other is read by its number.
namespace proxy_tlv {
inline constexpr uint8_t kAlpn = 0x01;
inline constexpr uint8_t kAuthority = 0x02;
inline constexpr uint8_t kChecksum = 0x03;
inline constexpr uint8_t kNoop = 0x04;
inline constexpr uint8_t kUniqueId = 0x05;
inline constexpr uint8_t kSsl = 0x20;
inline constexpr uint8_t kSslVersion = 0x21;
inline constexpr uint8_t kSslCommonName = 0x22;
inline constexpr uint8_t kNetworkNamespace = 0x30;
inline constexpr uint8_t kAws = 0xea;
// The first byte of a value of kAws says what follows it.
inline constexpr uint8_t kAwsVpcEndpoint = 0x01;
}  // namespace proxy_tlv

// Longest value of kUniqueId.
inline constexpr size_t kMostUniqueIdBytes = 128;

struct ProxyTlv {
  uint8_t type = 0;
  std::span<const uint8_t> value;
};

// Walks a block of vectors.
class ProxyTlvReader {
 public:
  explicit ProxyTlvReader(std::span<const uint8_t> block) : rest_(block) {}

  // False: there is no further one, or what follows is none.
  bool next(ProxyTlv& tlv);
  // The block does not end where a vector ends.
  bool malformed() const { return malformed_; }

 private:
  std::span<const uint8_t> rest_;
  bool malformed_ = false;
};

// What a proxy says of the client's TLS session.
struct ProxySsl {
  uint8_t client = 0;   // 1: by TLS; 2: with a certificate on this connection; 4: with one in this TLS session
  uint32_t verify = 0;  // 0: the certificate was verified
  std::span<const uint8_t> tlvs;
};

// The first vector of a type. `block`: of a header that was complete.
std::optional<std::span<const uint8_t>> find_proxy_tlv(std::span<const uint8_t> block, uint8_t type);
// The value of a vector of type kSsl; nothing: it is shorter than its fixed part.
std::optional<ProxySsl> read_proxy_ssl(std::span<const uint8_t> value);
// The id of the AWS VPC endpoint through which the client came.
std::optional<std::span<const uint8_t>> find_vpc_endpoint(std::span<const uint8_t> block);

}  // namespace limpet
