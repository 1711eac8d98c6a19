// PROXY protocol headers from arbitrary bytes: one verdict at every split, and what is encoded of a decoded header is
// that header again. Input: the longest header (two bytes), how the bytes are split, then the bytes.
#include "input.h"
#include "support/proxy_headers.h"

using namespace limpet;
using limpet::fuzz::Input;
using limpet::test::Bytes;
using limpet::test::same;

namespace {

using Family = ClientAddress::Family;

// Both as IPv4 in an IPv6 header: they are encoded as what they are, in another header.
bool both_mapped(const Bytes& stream, const ProxyHeader& header) {
  return header.version == 2 && header.source.family == Family::kIpv4 && header.destination.family == Family::kIpv4 &&
         stream[13] >> 4 == 2;
}

// Whether nothing in it is lost by decoding: LOCAL and UNSPEC have a block that nobody reads.
bool is_exact(const Bytes& stream, const ProxyHeader& header) {
  return header.version == 2 && header.source.family != Family::kNone && !both_mapped(stream, header);
}

void check_again(const Bytes& stream, const ProxyHeader& header, size_t length) {
  const Bytes encoded = test::encode(header);
  EXPECT(!encoded.empty());
  if (is_exact(stream, header)) {
    EXPECT(same(encoded, std::span(stream).first(length)));
    return;
  }
  ProxyHeader again;
  const ProxyVerdict verdict = test::decode(encoded, again);
  // The checksum was that of the IPv6 header.
  if (verdict.fault == ProxyFault::kChecksum && both_mapped(stream, header)) return;
  EXPECT_EQUAL(verdict.status, ProxyStatus::kComplete);
  EXPECT_EQUAL(verdict.length, encoded.size());
  EXPECT(same(header, again));
}

void check_tlvs(const ProxyHeader& header) {
  size_t bytes = 0;
  for (const ProxyTlv& tlv : test::tlvs_of(header.tlvs)) {
    bytes += 3 + tlv.value.size();
    EXPECT(find_proxy_tlv(header.tlvs, tlv.type).has_value());
    if (tlv.type == proxy_tlv::kSsl) EXPECT(read_proxy_ssl(tlv.value).has_value());
  }
  EXPECT_EQUAL(bytes, header.tlvs.size());
  find_vpc_endpoint(header.tlvs);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Input input(data, size);
  const size_t most = std::max<size_t>(input.word(), kProxyV2HeadBytes);
  const size_t step = 1 + input.below(8);
  const Bytes stream(input.rest().begin(), input.rest().end());
  ProxyHeader header;
  const ProxyVerdict verdict = test::decode(stream, header, most);
  bool settled = false;
  for (size_t arrived = 0; arrived < stream.size(); arrived += step) {
    const Bytes part(stream.begin(), stream.begin() + static_cast<std::ptrdiff_t>(arrived));
    ProxyHeader partial;
    const ProxyVerdict early = test::decode(part, partial, most);
    if (early.status == ProxyStatus::kMore) EXPECT(!settled);
    settled = settled || early.status != ProxyStatus::kMore;
    if (settled) EXPECT(same(early, verdict));
  }
  EXPECT_EQUAL(verdict.fault != ProxyFault::kNone, verdict.status == ProxyStatus::kRefused);
  if (verdict.status == ProxyStatus::kMore) EXPECT(stream.size() < std::max(most, kMostProxyV1Bytes));
  if (verdict.status != ProxyStatus::kComplete) return 0;
  EXPECT(verdict.length <= stream.size());
  EXPECT(header.source.family == header.destination.family || header.source.family == Family::kIpv4 ||
         header.destination.family == Family::kIpv4);
  check_tlvs(header);
  check_again(stream, header, verdict.length);
  return 0;
}
