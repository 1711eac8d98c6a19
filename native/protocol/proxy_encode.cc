#include <arpa/inet.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <utility>

#include "crc32c.h"
#include "proxy_protocol.h"
#include "proxy_signature.h"

namespace limpet {

namespace {

using Bytes = std::span<const uint8_t>;
using Family = ClientAddress::Family;

bool is_ip(const ClientAddress& address) { return address.family == Family::kIpv4 || address.family == Family::kIpv6; }

// Of a header: that of both its addresses; kNone: it has none to give.
Family family_of(const ProxyHeader& header) {
  if (header.command == ProxyCommand::kLocal || header.transport == ProxyTransport::kUnspecified) return Family::kNone;
  const auto [source, destination] = std::pair(header.source.family, header.destination.family);
  if (is_ip(header.source) && is_ip(header.destination)) return source == destination ? source : Family::kIpv6;
  const bool both_unix = source == Family::kUnix && destination == Family::kUnix;
  return both_unix && header.paths.size() == 2 * kProxyPathBytes ? Family::kUnix : Family::kNone;
}

// As an address of a family: an IPv4 address as IPv6 is the mapped one.
ClientAddress widened(const ClientAddress& address, Family family) {
  if (address.family == family) return address;
  ClientAddress wide;
  wide.family = Family::kIpv6;
  wide.port = address.port;
  wide.bytes[10] = wide.bytes[11] = 0xff;
  std::memcpy(wide.bytes.data() + 12, address.bytes.data(), 4);
  return wide;
}

// Bytes into a place that may be too small.
class Writer {
 public:
  explicit Writer(std::span<uint8_t> into) : into_(into) {}

  void put(Bytes bytes) {
    fits_ = fits_ && bytes.size() <= into_.size() - size_;
    if (!fits_) return;
    std::copy(bytes.begin(), bytes.end(), into_.begin() + static_cast<std::ptrdiff_t>(size_));
    size_ += bytes.size();
  }
  void put_u8(unsigned value) {
    const auto byte = static_cast<uint8_t>(value);
    put({&byte, 1});
  }
  void put_u16(size_t value) {
    put_u8(static_cast<unsigned>(value >> 8));
    put_u8(static_cast<unsigned>(value));
  }
  void put_tlv(const ProxyTlv& tlv) {
    put_u8(tlv.type);
    put_u16(tlv.value.size());
    put(tlv.value);
  }
  // 0: it did not fit.
  size_t size() const { return fits_ ? size_ : 0; }

 private:
  std::span<uint8_t> into_;
  size_t size_ = 0;
  bool fits_ = true;
};

void put_addresses(Writer& writer, const ProxyHeader& header, Family family) {
  if (family == Family::kUnix) writer.put(header.paths);
  if (family != Family::kIpv4 && family != Family::kIpv6) return;
  const size_t size = family == Family::kIpv4 ? 4 : 16;
  const ClientAddress source = widened(header.source, family);
  const ClientAddress destination = widened(header.destination, family);
  writer.put(Bytes(source.bytes).first(size));
  writer.put(Bytes(destination.bytes).first(size));
  writer.put_u16(source.port);
  writer.put_u16(destination.port);
}

// The 14th byte.
unsigned kind_of(Family family, ProxyTransport transport) {
  switch (family) {
    case Family::kIpv4:
      return 0x10U | static_cast<unsigned>(transport);
    case Family::kIpv6:
      return 0x20U | static_cast<unsigned>(transport);
    case Family::kUnix:
      return 0x30U | static_cast<unsigned>(transport);
    case Family::kNone:
      break;
  }
  return 0;
}

void set_u16(std::span<uint8_t> into, size_t at, size_t value) {
  into[at] = static_cast<uint8_t>(value >> 8);
  into[at + 1] = static_cast<uint8_t>(value);
}

}  // namespace

AddressText::AddressText(const ClientAddress& address) {
  static_assert(sizeof text >= INET6_ADDRSTRLEN);
  inet_ntop(address.family == Family::kIpv4 ? AF_INET : AF_INET6, address.bytes.data(), text, sizeof text);
}

size_t encode_proxy_v1(const ProxyHeader& header, std::span<uint8_t> into) {
  // The longest line has 104 bytes, and a NUL; two texts of 45 would have more.
  char line[128] = "PROXY UNKNOWN\r\n";
  const Family family = family_of(header);
  if (header.transport == ProxyTransport::kStream && (family == Family::kIpv4 || family == Family::kIpv6)) {
    const AddressText source(widened(header.source, family));
    const AddressText destination(widened(header.destination, family));
    std::snprintf(line, sizeof line, "PROXY TCP%c %s %s %u %u\r\n", family == Family::kIpv4 ? '4' : '6', source.text,
                  destination.text, static_cast<unsigned>(header.source.port),
                  static_cast<unsigned>(header.destination.port));
  }
  Writer writer(into);
  writer.put({reinterpret_cast<const uint8_t*>(line), std::strlen(line)});
  return writer.size();
}

size_t encode_proxy_v2(const ProxyHeader& header, std::span<const ProxyTlv> tlvs, bool checksum,
                       std::span<uint8_t> into) {
  static constexpr uint8_t kZeros[4] = {};
  const Family family = family_of(header);
  Writer writer(into.first(std::min(into.size(), kMostProxyV2Bytes)));
  writer.put({reinterpret_cast<const uint8_t*>(kProxyV2Signature.data()), kProxyV2Signature.size()});
  writer.put_u8(0x20U | static_cast<unsigned>(header.command));
  writer.put_u8(kind_of(family, header.transport));
  writer.put_u16(0);  // the length, below
  put_addresses(writer, header, family);
  // A value that is too long for the two bytes of its length fits into no header either.
  for (const ProxyTlv& tlv : tlvs) writer.put_tlv(tlv);
  if (checksum) writer.put_tlv({proxy_tlv::kChecksum, kZeros});
  const size_t size = writer.size();
  if (size == 0) return 0;
  set_u16(into, kProxyV2HeadBytes - 2, size - kProxyV2HeadBytes);
  if (checksum) {
    const uint32_t sum = crc32c(into.first(size));
    set_u16(into, size - 4, sum >> 16);
    set_u16(into, size - 2, sum & 0xffff);
  }
  return size;
}

}  // namespace limpet
