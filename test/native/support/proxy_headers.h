// PROXY protocol headers for tests: made byte by byte, and laws that every verdict must keep.
#pragma once

#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/proxy_protocol.h"
#include "support/test.h"

namespace limpet::test {

using Bytes = std::vector<uint8_t>;

inline Bytes bytes_of(std::string_view text) { return {text.begin(), text.end()}; }

inline Bytes operator+(Bytes one, const Bytes& other) {
  one.insert(one.end(), other.begin(), other.end());
  return one;
}

// A header of version 2. `length`: what it says of itself; negative: as long as the block is.
inline Bytes proxy_v2(unsigned command, unsigned kind, const Bytes& block, int length = -1) {
  const size_t said = length < 0 ? block.size() : static_cast<size_t>(length);
  Bytes head = bytes_of(std::string_view("\r\n\r\n\0\r\nQUIT\n", 12));
  head.push_back(static_cast<uint8_t>(command));
  head.push_back(static_cast<uint8_t>(kind));
  head.push_back(static_cast<uint8_t>(said >> 8));
  head.push_back(static_cast<uint8_t>(said));
  return head + block;
}

// `length`: what it says of itself; negative: as long as the value is.
inline Bytes tlv(unsigned type, const Bytes& value, int length = -1) {
  const size_t said = length < 0 ? value.size() : static_cast<size_t>(length);
  return Bytes{static_cast<uint8_t>(type), static_cast<uint8_t>(said >> 8), static_cast<uint8_t>(said)} + value;
}

inline ProxyVerdict decode(const Bytes& head, ProxyHeader& header, size_t most = kMostProxyV2Bytes) {
  return decode_proxy(head, most, header);
}

inline bool same(const ClientAddress& one, const ClientAddress& other) {
  return one.family == other.family && one.port == other.port && one.bytes == other.bytes;
}

inline bool same(std::span<const uint8_t> one, std::span<const uint8_t> other) {
  return std::equal(one.begin(), one.end(), other.begin(), other.end());
}

inline bool same(const ProxyHeader& one, const ProxyHeader& other) {
  return one.version == other.version && one.command == other.command && one.transport == other.transport &&
         same(one.source, other.source) && same(one.destination, other.destination) && same(one.paths, other.paths) &&
         same(one.tlvs, other.tlvs);
}

inline bool same(const ProxyVerdict& one, const ProxyVerdict& other) {
  return one.status == other.status && one.fault == other.fault && one.length == other.length;
}

// The verdict on all the bytes; checks that each of their beginnings has it, too, or needs more, and that none needs
// more after one that did not. Each beginning is a copy of its own, so that the address sanitizer sees its end.
inline ProxyVerdict decode_split(const Bytes& stream, size_t most = kMostProxyV2Bytes) {
  ProxyHeader whole;
  const ProxyVerdict last = decode(stream, whole, most);
  bool settled = false;
  bool good = true;
  for (size_t size = 0; size < stream.size(); size++) {
    const Bytes part(stream.begin(), stream.begin() + static_cast<std::ptrdiff_t>(size));
    ProxyHeader header;
    const ProxyVerdict verdict = decode(part, header, most);
    settled = settled || verdict.status != ProxyStatus::kMore;
    good = good && (settled ? same(verdict, last) : true);
    if (verdict.status == ProxyStatus::kComplete) good = good && size >= verdict.length && same(header, whole);
    // Nothing behind the header is waited for.
    if (last.status == ProxyStatus::kComplete) good = good && settled == (size >= last.length);
  }
  CHECK(good);
  return last;
}

inline std::vector<ProxyTlv> tlvs_of(std::span<const uint8_t> block) {
  std::vector<ProxyTlv> all;
  ProxyTlvReader reader(block);
  for (ProxyTlv one; reader.next(one);) all.push_back(one);
  return all;
}

// What the encoder makes of a header of the same version; empty: it does not fit into `room`.
inline Bytes encode(const ProxyHeader& header, bool checksum = false, size_t room = kMostProxyV2Bytes) {
  Bytes into(room);
  const auto tlvs = tlvs_of(header.tlvs);
  into.resize(header.version == 1 ? encode_proxy_v1(header, into) : encode_proxy_v2(header, tlvs, checksum, into));
  return into;
}

}  // namespace limpet::test
