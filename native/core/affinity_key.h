// The affinity key: what identifies a client. Made here and nowhere else, so that no two places can disagree about it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "hash.h"

namespace limpet {

enum class KeyKind : uint8_t {
  kNone = 0,    // a client without an address: no pin, no home
  kIpv4 = 1,    // value: the masked address as a number
  kIpv6 = 2,    // value: the upper 64 bits, masked (prefixes up to /64)
  kHashed = 3,  // value: keyed hash of something longer (an IPv6 prefix past /64, arbitrary bytes)
};

struct AffinityKey {
  uint64_t value = 0;
  KeyKind kind = KeyKind::kNone;

  bool operator==(const AffinityKey&) const = default;
  bool none() const { return kind == KeyKind::kNone; }
};

// A client's address in network byte order; an IPv4 address uses the first four bytes.
struct ClientAddress {
  enum class Family : uint8_t { kNone = 0, kUnix = 1, kIpv4 = 4, kIpv6 = 6 };
  std::array<uint8_t, 16> bytes{};
  uint16_t port = 0;
  Family family = Family::kNone;
};

// Longest byte string that may be a key.
inline constexpr size_t kMaxKeyBytes = 64 * 1024;

// How a pool makes keys. `secret` hashes what does not fit into 8 bytes; it derives from the pool's secret, so that
// such keys agree between balancers and survive a restart.
struct KeyRules {
  uint8_t ipv4_prefix = 32;
  uint8_t ipv6_prefix = 64;
  Secret secret{};
  // `ipv6Prefix: auto`: keys are /64s, and those of one kBlockPrefix have one home.
  bool ipv6_auto = false;
};

// What networks delegate to a subscriber (RIPE-690), who may take the /64s of it one after the other.
inline constexpr unsigned kBlockPrefix = 56;

// Parses the text of an IPv4 or IPv6 address. Nothing for anything else: zone ids, ports, leading zeros, host names.
// `text` need not end in NUL.
std::optional<ClientAddress> parse_address(std::string_view text);

// An IPv4-mapped IPv6 address becomes the IPv4 address it is; any other stays.
ClientAddress normalised(const ClientAddress& address);

// Normalises, then masks by the prefix of the family.
AffinityKey make_key(const ClientAddress& address, const KeyRules& rules);

// A key from arbitrary bytes. No bytes: no key (an empty key would send all its clients to one backend). The caller
// refuses more than kMaxKeyBytes.
AffinityKey make_key(const void* bytes, size_t size, const KeyRules& rules);

// A key from its canonical text (below), or from an address. Nothing for anything else: a prefix that is not that of
// the rules, bits behind it, an IPv6 prefix that is only kept as a hash.
std::optional<AffinityKey> parse_key(std::string_view text, const KeyRules& rules);

// Canonical text: `192.0.2.0/24`, `2001:db8::/64`, `#0123456789abcdef` for a hashed key, `-` for none.
std::string key_text(const AffinityKey& key, const KeyRules& rules);

// Hash of a key under a secret: the key's place among the slots, on the circle, or in the stick table. Little endian,
// kind first, so that every machine and the TypeScript oracle hash the same nine bytes.
inline uint64_t hash_key(const AffinityKey& key, const Secret& secret) {
  uint8_t bytes[9];
  bytes[0] = static_cast<uint8_t>(key.kind);
  for (unsigned i = 0; i < 8; i++) bytes[1 + i] = static_cast<uint8_t>(key.value >> (8 * i));
  return keyed_hash(bytes, sizeof bytes, secret);
}

// The key whose place is the home of `key`: itself, or with `ipv6_auto` the block that its /64 is of.
inline AffinityKey home_key(const AffinityKey& key, const KeyRules& rules) {
  if (!rules.ipv6_auto || key.kind != KeyKind::kIpv6) return key;
  return {key.value & ~0ULL << (64 - kBlockPrefix), key.kind};
}

}  // namespace limpet
