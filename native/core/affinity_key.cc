#include "affinity_key.h"

#include <arpa/inet.h>

#include <charconv>
#include <cstdio>
#include <cstring>

namespace limpet {

namespace {

// Separates hashed IPv6 prefixes from byte keys of the same content.
constexpr uint64_t kIpv6Domain = 0x6c696d7065743676ULL;

uint64_t big_endian(const uint8_t* bytes, unsigned count) {
  uint64_t value = 0;
  for (unsigned i = 0; i < count; i++) value = value << 8 | bytes[i];
  return value;
}

bool is_v4_mapped(const std::array<uint8_t, 16>& bytes) {
  static constexpr uint8_t kPrefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  return std::memcmp(bytes.data(), kPrefix, sizeof kPrefix) == 0;
}

AffinityKey ipv4_key(const uint8_t* bytes, unsigned prefix) {
  const uint64_t mask = prefix == 0 ? 0 : (0xffffffffULL << (32 - prefix)) & 0xffffffffULL;
  return {big_endian(bytes, 4) & mask, KeyKind::kIpv4};
}

AffinityKey long_ipv6_key(std::array<uint8_t, 16> bytes, unsigned prefix, const Secret& secret) {
  const uint64_t mask = prefix >= 128 ? ~0ULL : ~(~0ULL >> (prefix - 64));
  for (unsigned i = 0; i < 8; i++) bytes[8 + i] &= static_cast<uint8_t>(mask >> (56 - 8 * i));
  return {keyed_hash(bytes.data(), bytes.size(), secret) ^ kIpv6Domain, KeyKind::kHashed};
}

AffinityKey ipv6_key(const std::array<uint8_t, 16>& bytes, unsigned prefix, const Secret& secret) {
  if (prefix > 64) return long_ipv6_key(bytes, prefix, secret);
  const uint64_t mask = prefix == 0 ? 0 : ~0ULL << (64 - prefix);
  return {big_endian(bytes.data(), 8) & mask, KeyKind::kIpv6};
}

}  // namespace

std::optional<ClientAddress> parse_address(std::string_view text) {
  char copy[INET6_ADDRSTRLEN];  // inet_pton wants a NUL
  if (text.empty() || text.size() >= sizeof copy) return std::nullopt;
  std::memcpy(copy, text.data(), text.size());
  copy[text.size()] = '\0';
  if (std::memchr(copy, '\0', text.size())) return std::nullopt;
  ClientAddress address;
  const bool v6 = std::memchr(copy, ':', text.size()) != nullptr;
  if (inet_pton(v6 ? AF_INET6 : AF_INET, copy, address.bytes.data()) != 1) return std::nullopt;
  address.family = v6 ? ClientAddress::Family::kIpv6 : ClientAddress::Family::kIpv4;
  return address;
}

ClientAddress normalised(const ClientAddress& address) {
  if (address.family != ClientAddress::Family::kIpv6 || !is_v4_mapped(address.bytes)) return address;
  ClientAddress v4;
  std::memcpy(v4.bytes.data(), address.bytes.data() + 12, 4);
  v4.port = address.port;
  v4.family = ClientAddress::Family::kIpv4;
  return v4;
}

AffinityKey make_key(const ClientAddress& given, const KeyRules& rules) {
  const ClientAddress address = normalised(given);
  switch (address.family) {
    case ClientAddress::Family::kIpv4:
      return ipv4_key(address.bytes.data(), rules.ipv4_prefix);
    case ClientAddress::Family::kIpv6:
      return ipv6_key(address.bytes, rules.ipv6_prefix, rules.secret);
    case ClientAddress::Family::kNone:
    case ClientAddress::Family::kUnix:
      break;
  }
  return {};
}

AffinityKey make_key(const void* bytes, size_t size, const KeyRules& rules) {
  if (size == 0) return {};
  return {keyed_hash(bytes, size, rules.secret), KeyKind::kHashed};
}

namespace {

std::optional<AffinityKey> parse_hashed(std::string_view digits) {
  if (digits.size() != 16) return std::nullopt;
  AffinityKey key{0, KeyKind::kHashed};
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), key.value, 16);
  if (error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  return key;
}

}  // namespace

std::optional<AffinityKey> parse_key(std::string_view text, const KeyRules& rules) {
  if (text.starts_with('#')) return parse_hashed(text.substr(1));
  const size_t slash = text.find('/');
  const auto address = parse_address(text.substr(0, slash));
  if (!address) return std::nullopt;
  const AffinityKey key = make_key(*address, rules);
  // Only the canonical text has a prefix: anything else would name a key that the writer may not have meant.
  if (slash != std::string_view::npos && key_text(key, rules) != text) return std::nullopt;
  return key;
}

std::string key_text(const AffinityKey& key, const KeyRules& rules) {
  char text[INET6_ADDRSTRLEN + 8];
  if (key.kind == KeyKind::kIpv4) {
    const uint32_t network = htonl(static_cast<uint32_t>(key.value));
    char address[INET_ADDRSTRLEN];
    inet_ntop(AF_INET, &network, address, sizeof address);
    std::snprintf(text, sizeof text, "%s/%u", address, static_cast<unsigned>(rules.ipv4_prefix));
    return text;
  }
  if (key.kind == KeyKind::kIpv6) {
    uint8_t network[16] = {};
    for (unsigned i = 0; i < 8; i++) network[i] = static_cast<uint8_t>(key.value >> (56 - 8 * i));
    char address[INET6_ADDRSTRLEN];
    inet_ntop(AF_INET6, network, address, sizeof address);
    std::snprintf(text, sizeof text, "%s/%u", address, static_cast<unsigned>(rules.ipv6_prefix));
    return text;
  }
  if (key.kind == KeyKind::kHashed) {
    std::snprintf(text, sizeof text, "#%016llx", static_cast<unsigned long long>(key.value));
    return text;
  }
  return "-";
}

}  // namespace limpet
