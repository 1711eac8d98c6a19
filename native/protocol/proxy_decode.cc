#include <algorithm>
#include <charconv>
#include <cstring>
#include <iterator>
#include <string_view>

#include "crc32c.h"
#include "proxy_protocol.h"
#include "proxy_signature.h"

namespace limpet {

namespace {

using Bytes = std::span<const uint8_t>;
using Family = ClientAddress::Family;

constexpr ProxyVerdict kNeedsMore{};

ProxyVerdict refused(ProxyFault fault) { return {ProxyStatus::kRefused, fault, 0}; }

ProxyVerdict complete(size_t length) { return {ProxyStatus::kComplete, ProxyFault::kNone, length}; }

// Whether what is there of the beginning is right.
bool begins_like(Bytes head, std::string_view beginning) {
  return std::memcmp(head.data(), beginning.data(), std::min(head.size(), beginning.size())) == 0;
}

// The words of a line; a word between two spaces is empty.
std::string_view take_word(std::string_view& line) {
  const size_t space = line.find(' ');
  const std::string_view word = line.substr(0, space);
  line.remove_prefix(space == std::string_view::npos ? line.size() : space + 1);
  return word;
}

bool read_address(std::string_view word, Family family, ClientAddress& address) {
  const auto parsed = parse_address(word);
  if (!parsed || parsed->family != family) return false;
  address = normalised(*parsed);
  return true;
}

// from_chars() takes no sign for an unsigned number, and no space.
bool read_port(std::string_view word, uint16_t& port) {
  const char* const end = word.data() + word.size();
  const auto [read, error] = std::from_chars(word.data(), end, port);
  return error == std::errc() && read == end && (word[0] != '0' || word.size() == 1);
}

// What follows "PROXY ", without CR and LF.
ProxyFault read_line(std::string_view line, ProxyHeader& header) {
  header = {};
  header.version = 1;
  const std::string_view protocol = take_word(line);
  if (protocol == "UNKNOWN") {
    // Whatever else it says: "the receiver must ignore anything presented before the CRLF".
    header.transport = ProxyTransport::kUnspecified;
    return ProxyFault::kNone;
  }
  if (protocol != "TCP4" && protocol != "TCP6") return ProxyFault::kProtocol;
  const Family family = protocol == "TCP4" ? Family::kIpv4 : Family::kIpv6;
  if (!read_address(take_word(line), family, header.source)) return ProxyFault::kAddress;
  if (!read_address(take_word(line), family, header.destination)) return ProxyFault::kAddress;
  const bool good = read_port(take_word(line), header.source.port) && read_port(line, header.destination.port);
  return good ? ProxyFault::kNone : ProxyFault::kPort;
}

ProxyVerdict decode_v1(Bytes head, ProxyHeader& header) {
  const Bytes line = head.first(std::min(head.size(), kMostProxyV1Bytes));
  const auto end = std::find_if(line.begin(), line.end(), [](uint8_t byte) { return byte == '\r' || byte == '\n'; });
  const size_t size = static_cast<size_t>(end - line.begin());
  // A CR as the last byte that a line may have has no room for its LF.
  if (size + 1 >= line.size() && (end == line.end() || *end == '\r')) {
    return line.size() < kMostProxyV1Bytes ? kNeedsMore : refused(ProxyFault::kLineLength);
  }
  if (*end == '\n' || end[1] != '\n') return refused(ProxyFault::kLineEnd);
  const std::string_view text(reinterpret_cast<const char*>(line.data()), size);
  const ProxyFault fault = read_line(text.substr(kProxyV1Beginning.size()), header);
  return fault == ProxyFault::kNone ? complete(size + 2) : refused(fault);
}

// Of both addresses, with their ports.
size_t address_bytes(Family family) {
  switch (family) {
    case Family::kIpv4:
      return 2 * (4 + 2);
    case Family::kIpv6:
      return 2 * (16 + 2);
    case Family::kUnix:
      return 2 * kProxyPathBytes;
    case Family::kNone:
      break;
  }
  return 0;
}

// By the upper four bits of the 14th byte.
constexpr Family kFamilies[] = {Family::kNone, Family::kIpv4, Family::kIpv6, Family::kUnix};

uint16_t read_u16(const uint8_t* bytes) { return static_cast<uint16_t>(bytes[0] << 8 | bytes[1]); }

void read_addresses(const uint8_t* bytes, Family family, ProxyHeader& header) {
  header.source.family = header.destination.family = family;
  if (family == Family::kUnix) {
    header.paths = {bytes, 2 * kProxyPathBytes};
    return;
  }
  const size_t size = family == Family::kIpv4 ? 4 : 16;
  std::memcpy(header.source.bytes.data(), bytes, size);
  std::memcpy(header.destination.bytes.data(), bytes + size, size);
  header.source.port = read_u16(bytes + 2 * size);
  header.destination.port = read_u16(bytes + 2 * size + 2);
  header.source = normalised(header.source);
  header.destination = normalised(header.destination);
}

// The checksum is that of the header with zeros in the place of the checksum.
bool checksum_holds(Bytes header, Bytes value) {
  static constexpr uint8_t kZeros[4] = {};
  if (value.size() != sizeof kZeros) return false;
  const Bytes before = header.first(static_cast<size_t>(value.data() - header.data()));
  const uint32_t sum = crc32c(header.subspan(before.size() + sizeof kZeros), crc32c(kZeros, crc32c(before)));
  return sum == (static_cast<uint32_t>(read_u16(value.data())) << 16 | read_u16(value.data() + 2));
}

bool ssl_holds(Bytes value) {
  const auto ssl = read_proxy_ssl(value);
  if (!ssl) return false;
  ProxyTlvReader reader(ssl->tlvs);
  for (ProxyTlv tlv; reader.next(tlv);) continue;
  return !reader.malformed();
}

ProxyFault check_tlv(Bytes header, const ProxyTlv& tlv, bool& has_checksum) {
  switch (tlv.type) {
    case proxy_tlv::kChecksum:
      if (has_checksum || !checksum_holds(header, tlv.value)) return ProxyFault::kChecksum;
      has_checksum = true;
      break;
    case proxy_tlv::kUniqueId:
      if (tlv.value.size() > kMostUniqueIdBytes) return ProxyFault::kUniqueId;
      break;
    case proxy_tlv::kSsl:
      if (!ssl_holds(tlv.value)) return ProxyFault::kTlvLength;
      break;
  }
  return ProxyFault::kNone;
}

ProxyFault check_tlvs(Bytes header, Bytes block) {
  ProxyTlvReader reader(block);
  bool has_checksum = false;
  for (ProxyTlv tlv; reader.next(tlv);) {
    const ProxyFault fault = check_tlv(header, tlv, has_checksum);
    if (fault != ProxyFault::kNone) return fault;
  }
  return reader.malformed() ? ProxyFault::kTlvLength : ProxyFault::kNone;
}

// What the bytes behind the signature say as soon as they are there. `family` kNone: nothing of the block is used.
ProxyFault read_kind(Bytes head, ProxyHeader& header, Family& family) {
  constexpr size_t kCommandAt = kProxyV2Signature.size();
  if (head.size() <= kCommandAt) return ProxyFault::kNone;
  const unsigned command = head[kCommandAt] & 0x0f;
  if (head[kCommandAt] >> 4 != 2) return ProxyFault::kVersion;
  if (command > 1) return ProxyFault::kCommand;
  header.command = static_cast<ProxyCommand>(command);
  header.transport = ProxyTransport::kUnspecified;
  // LOCAL: "discard the protocol block including the family which is ignored".
  if (head.size() <= kCommandAt + 1 || header.command == ProxyCommand::kLocal) return ProxyFault::kNone;
  const unsigned kind = head[kCommandAt + 1];
  if (kind >> 4 >= std::size(kFamilies) || (kind & 0x0f) > 2) return ProxyFault::kFamily;
  // One of them unspecified: nobody says how long the addresses are.
  if (kind >> 4 == 0 || (kind & 0x0f) == 0) return ProxyFault::kNone;
  family = kFamilies[kind >> 4];
  header.transport = static_cast<ProxyTransport>(kind & 0x0f);
  return ProxyFault::kNone;
}

ProxyVerdict decode_v2(Bytes head, size_t most, ProxyHeader& header) {
  header = {};
  Family family = Family::kNone;
  const ProxyFault kind_fault = read_kind(head, header, family);
  if (kind_fault != ProxyFault::kNone) return refused(kind_fault);
  if (head.size() < kProxyV2HeadBytes) return kNeedsMore;
  const size_t length = kProxyV2HeadBytes + read_u16(&head[kProxyV2HeadBytes - 2]);
  const size_t addresses_end = kProxyV2HeadBytes + address_bytes(family);
  if (length > most) return refused(ProxyFault::kHeaderLength);
  if (length < addresses_end) return refused(ProxyFault::kAddressLength);
  if (head.size() < length) return kNeedsMore;
  if (family == Family::kNone) return complete(length);
  read_addresses(&head[kProxyV2HeadBytes], family, header);
  header.tlvs = head.subspan(addresses_end, length - addresses_end);
  const ProxyFault fault = check_tlvs(head.first(length), header.tlvs);
  return fault == ProxyFault::kNone ? complete(length) : refused(fault);
}

}  // namespace

ProxyVerdict decode_proxy(std::span<const uint8_t> head, size_t most, ProxyHeader& header) {
  if (head.empty()) return kNeedsMore;
  if (begins_like(head, kProxyV2Signature)) return decode_v2(head, most, header);
  if (begins_like(head, kProxyV1Beginning)) return decode_v1(head, header);
  return refused(ProxyFault::kNoHeader);
}

const char* proxy_fault_text(ProxyFault fault) {
  switch (fault) {
    case ProxyFault::kNone:
      break;
    case ProxyFault::kNoHeader:
      return "there is no PROXY protocol header";
    case ProxyFault::kLineLength:
      return "the line does not end within 107 bytes";
    case ProxyFault::kLineEnd:
      return "the line does not end in CR and LF";
    case ProxyFault::kProtocol:
      return "the protocol is neither TCP4, TCP6 nor UNKNOWN";
    case ProxyFault::kAddress:
      return "an address is not one of the protocol";
    case ProxyFault::kPort:
      return "a port is not a number from 0 to 65535";
    case ProxyFault::kVersion:
      return "the version is neither 1 nor 2";
    case ProxyFault::kCommand:
      return "the command is neither LOCAL nor PROXY";
    case ProxyFault::kFamily:
      return "the address family or the transport is unknown";
    case ProxyFault::kHeaderLength:
      return "the header is longer than is taken";
    case ProxyFault::kAddressLength:
      return "the header is shorter than its addresses";
    case ProxyFault::kTlvLength:
      return "a TLV is longer than what holds it";
    case ProxyFault::kChecksum:
      return "the checksum does not fit the header";
    case ProxyFault::kUniqueId:
      return "the unique id is longer than 128 bytes";
  }
  return "it is as it should be";
}

}  // namespace limpet
