// Addresses and keys from arbitrary bytes, against a second parser and masks made bit by bit. Input: the two prefixes,
// a family, then bytes that are taken as text, as an address, and as a key.
#include <arpa/inet.h>

#include <cctype>
#include <cstring>
#include <string>

#include "core/affinity_key.h"
#include "input.h"
#include "support/random.h"

using namespace limpet;
using limpet::fuzz::Input;

namespace {

using Family = ClientAddress::Family;
using Bytes = std::vector<uint8_t>;

const Secret kSecret = test::make_secret(1);

// RFC 3986, IPv4address: decimal, no leading zeros. Nothing if it is not one.
std::optional<Bytes> oracle_ipv4(std::string_view text) {
  Bytes bytes;
  for (;;) {
    unsigned value = 0;
    size_t digits = 0;
    for (; digits < text.size() && digits < 3 && text[digits] >= '0' && text[digits] <= '9'; digits++) {
      value = value * 10 + static_cast<unsigned>(text[digits] - '0');
    }
    if (digits == 0 || value > 255 || (digits > 1 && text[0] == '0')) return std::nullopt;
    bytes.push_back(static_cast<uint8_t>(value));
    text.remove_prefix(digits);
    if (bytes.size() == 4) return text.empty() ? std::optional(bytes) : std::nullopt;
    if (text.empty() || text[0] != '.') return std::nullopt;
    text.remove_prefix(1);
  }
}

// Groups of one to four hexadecimal digits between colons; the last may be an IPv4 address if `tail` says so.
std::optional<Bytes> oracle_groups(std::string_view text, bool tail) {
  Bytes bytes;
  if (text.empty()) return bytes;
  for (;;) {
    const size_t end = text.find(':');
    const std::string_view group = text.substr(0, end);
    if (tail && end == std::string_view::npos && group.find('.') != std::string_view::npos) {
      const auto last = oracle_ipv4(group);
      if (last) bytes.insert(bytes.end(), last->begin(), last->end());
      return last ? std::optional(bytes) : std::nullopt;
    }
    if (group.empty() || group.size() > 4) return std::nullopt;
    unsigned value = 0;
    for (const char digit : group) {
      if (!std::isxdigit(static_cast<unsigned char>(digit))) return std::nullopt;
      const int lower = std::tolower(digit);
      value = value << 4 | static_cast<unsigned>(lower <= '9' ? lower - '0' : lower - 'a' + 10);
    }
    bytes.push_back(static_cast<uint8_t>(value >> 8));
    bytes.push_back(static_cast<uint8_t>(value));
    if (end == std::string_view::npos) return bytes;
    text.remove_prefix(end + 1);
  }
}

// RFC 4291, 2.2; `::` stands for one group at least.
std::optional<Bytes> oracle_ipv6(std::string_view text) {
  const size_t gap = text.find("::");
  if (gap == std::string_view::npos) {
    const auto all = oracle_groups(text, true);
    return all && all->size() == 16 ? all : std::nullopt;
  }
  const auto left = oracle_groups(text.substr(0, gap), false);
  const auto right = oracle_groups(text.substr(gap + 2), true);
  if (!left || !right || left->size() + right->size() > 14) return std::nullopt;
  Bytes bytes = *left;
  bytes.resize(16 - right->size());
  bytes.insert(bytes.end(), right->begin(), right->end());
  return bytes;
}

bool mapped(const ClientAddress& address) {
  for (unsigned i = 0; i < 12; i++) {
    if (address.bytes[i] != (i < 10 ? 0 : 0xff)) return false;
  }
  return address.family == Family::kIpv6;
}

ClientAddress masked(ClientAddress address, unsigned prefix) {
  for (unsigned bit = prefix; bit < 128; bit++) {
    address.bytes[bit / 8] = static_cast<uint8_t>(address.bytes[bit / 8] & ~(0x80U >> (bit % 8)));
  }
  return address;
}

uint64_t upper(const ClientAddress& address, unsigned count) {
  uint64_t value = 0;
  for (unsigned i = 0; i < count; i++) value = value * 256 + address.bytes[i];
  return value;
}

void check_text(const AffinityKey& key, const KeyRules& rules) {
  const std::string text = key_text(key, rules);
  if (key.kind == KeyKind::kHashed) {
    EXPECT_EQUAL(text.size(), size_t{17});
    EXPECT(text[0] == '#' && std::strtoull(text.c_str() + 1, nullptr, 16) == key.value);
    return;
  }
  const size_t slash = text.find('/');
  const auto again = parse_address(std::string_view(text).substr(0, slash));
  EXPECT(again.has_value());
  EXPECT(make_key(*again, rules) == key);
  const unsigned prefix = key.kind == KeyKind::kIpv4 ? rules.ipv4_prefix : rules.ipv6_prefix;
  EXPECT_EQUAL(text.substr(slash + 1), std::to_string(prefix));
}

// `bit`: one that is turned over.
void check_key(const ClientAddress& given, const KeyRules& rules, unsigned bit) {
  const AffinityKey key = make_key(given, rules);
  ClientAddress address = given;
  if (mapped(given)) {
    address = {};
    address.family = Family::kIpv4;
    std::memcpy(address.bytes.data(), given.bytes.data() + 12, 4);
  }
  const bool v4 = address.family == Family::kIpv4;
  const unsigned prefix = v4 ? rules.ipv4_prefix : rules.ipv6_prefix;
  const ClientAddress network = masked(address, prefix);
  EXPECT(make_key(network, rules) == key);
  if (v4 || prefix <= 64) {
    EXPECT_EQUAL(key.kind, v4 ? KeyKind::kIpv4 : KeyKind::kIpv6);
    EXPECT_EQUAL(key.value, upper(network, v4 ? 4 : 8));
  } else {
    EXPECT_EQUAL(key.kind, KeyKind::kHashed);
  }
  check_text(key, rules);
  bit %= v4 ? 32 : 128;
  ClientAddress other = address;
  other.bytes[bit / 8] = static_cast<uint8_t>(other.bytes[bit / 8] ^ 0x80U >> (bit % 8));
  if (!mapped(other)) EXPECT_EQUAL(make_key(other, rules) == key, bit >= prefix);
}

void check_parse(std::string_view text, const KeyRules& rules, unsigned bit) {
  const auto parsed = parse_address(text);
  const bool v6 = text.find(':') != std::string_view::npos;
  const auto wanted = v6 ? oracle_ipv6(text) : oracle_ipv4(text);
  EXPECT_EQUAL(parsed.has_value(), wanted.has_value());
  if (!parsed) return;
  EXPECT_EQUAL(parsed->family, v6 ? Family::kIpv6 : Family::kIpv4);
  EXPECT(std::equal(wanted->begin(), wanted->end(), parsed->bytes.begin()));
  check_key(*parsed, rules, bit);
}

// An address that did not come as text, as from a socket; what inet_ntop() makes of it is taken back.
void check_raw(const ClientAddress& address, const KeyRules& rules, unsigned bit) {
  if (address.family == Family::kNone || address.family == Family::kUnix) {
    EXPECT(make_key(address, rules).none());
    EXPECT_EQUAL(key_text(make_key(address, rules), rules), "-");
    return;
  }
  check_key(address, rules, bit);
  char text[INET6_ADDRSTRLEN];
  inet_ntop(address.family == Family::kIpv4 ? AF_INET : AF_INET6, address.bytes.data(), text, sizeof text);
  const auto parsed = parse_address(text);
  EXPECT(parsed.has_value());
  EXPECT(make_key(*parsed, rules) == make_key(address, rules));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Input input(data, size);
  KeyRules rules;
  rules.ipv4_prefix = input.below(33);
  rules.ipv6_prefix = input.below(129);
  rules.secret = kSecret;
  const unsigned bit = input.byte();
  const auto rest = input.rest();
  check_parse({reinterpret_cast<const char*>(rest.data()), rest.size()}, rules, bit);
  EXPECT_EQUAL(make_key(rest.data(), rest.size(), rules).none(), rest.empty());
  ClientAddress address;
  for (uint8_t& byte : address.bytes) byte = input.byte();
  static constexpr Family kFamilies[] = {Family::kIpv6, Family::kIpv4, Family::kNone, Family::kUnix};
  address.family = kFamilies[bit / 64];
  check_raw(address, rules, bit);
  return 0;
}
