#include "proxy_tlv.h"

namespace limpet {

namespace {

// Type, and two bytes of length.
constexpr size_t kHeadBytes = 3;
// The bits of `client`, and four bytes of `verify`.
constexpr size_t kSslHeadBytes = 5;

}  // namespace

bool ProxyTlvReader::next(ProxyTlv& tlv) {
  if (rest_.empty() || malformed_) return false;
  const size_t length = rest_.size() < kHeadBytes ? 0 : static_cast<size_t>(rest_[1] << 8 | rest_[2]);
  malformed_ = rest_.size() < kHeadBytes + length;
  if (malformed_) return false;
  tlv = {rest_[0], rest_.subspan(kHeadBytes, length)};
  rest_ = rest_.subspan(kHeadBytes + length);
  return true;
}

std::optional<std::span<const uint8_t>> find_proxy_tlv(std::span<const uint8_t> block, uint8_t type) {
  ProxyTlvReader reader(block);
  for (ProxyTlv tlv; reader.next(tlv);) {
    if (tlv.type == type) return tlv.value;
  }
  return std::nullopt;
}

std::optional<ProxySsl> read_proxy_ssl(std::span<const uint8_t> value) {
  if (value.size() < kSslHeadBytes) return std::nullopt;
  ProxySsl ssl{value[0], 0, value.subspan(kSslHeadBytes)};
  for (unsigned i = 1; i < kSslHeadBytes; i++) ssl.verify = ssl.verify << 8 | value[i];
  return ssl;
}

std::optional<std::span<const uint8_t>> find_vpc_endpoint(std::span<const uint8_t> block) {
  ProxyTlvReader reader(block);
  for (ProxyTlv tlv; reader.next(tlv);) {
    const bool found = tlv.type == proxy_tlv::kAws && !tlv.value.empty() && tlv.value[0] == proxy_tlv::kAwsVpcEndpoint;
    if (found) return tlv.value.subspan(1);
  }
  return std::nullopt;
}

}  // namespace limpet
