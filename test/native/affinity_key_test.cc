// Affinity keys: what identifies a client.
#include "core/affinity_key.h"

#include <map>
#include <set>

#include "support/random.h"
#include "support/test.h"

using namespace limpet;
using limpet::test::make_secret;
using limpet::test::Random;

namespace {

KeyRules rules_of(unsigned ipv4_prefix, unsigned ipv6_prefix) {
  KeyRules rules;
  rules.ipv4_prefix = static_cast<uint8_t>(ipv4_prefix);
  rules.ipv6_prefix = static_cast<uint8_t>(ipv6_prefix);
  rules.secret = make_secret(1);
  return rules;
}

AffinityKey key_of(const char* text, const KeyRules& rules) {
  const auto address = parse_address(text);
  if (!CHECK(address.has_value())) return {};
  return make_key(*address, rules);
}

std::string masked(const char* text, unsigned ipv4_prefix, unsigned ipv6_prefix) {
  const KeyRules rules = rules_of(ipv4_prefix, ipv6_prefix);
  return key_text(key_of(text, rules), rules);
}

ClientAddress random_ipv6(Random& random) {
  ClientAddress address;
  address.family = ClientAddress::Family::kIpv6;
  for (uint8_t& byte : address.bytes) byte = static_cast<uint8_t>(random.next());
  address.bytes[0] = 0x20;  // never IPv4-mapped
  return address;
}

bool same_prefix(const ClientAddress& a, const ClientAddress& b, unsigned bits) {
  for (unsigned i = 0; i < bits; i++) {
    const unsigned mask = 0x80U >> (i % 8);
    if ((a.bytes[i / 8] & mask) != (b.bytes[i / 8] & mask)) return false;
  }
  return true;
}

}  // namespace

TEST("an IPv4 address is its number") {
  const AffinityKey key = key_of("192.0.2.77", rules_of(32, 64));
  CHECK_EQUAL(key.kind, KeyKind::kIpv4);
  CHECK_EQUAL(key.value, 0xc000024dULL);
  CHECK(!key.none());
}

TEST("an IPv6 address is its upper 64 bits") {
  const AffinityKey key = key_of("2001:db8:1:2:3:4:5:6", rules_of(32, 64));
  CHECK_EQUAL(key.kind, KeyKind::kIpv6);
  CHECK_EQUAL(key.value, 0x20010db800010002ULL);
}

TEST("an IPv4-mapped IPv6 address is the IPv4 address, under the IPv4 prefix") {
  for (const unsigned prefix : {32U, 24U, 8U, 0U}) {
    const KeyRules rules = rules_of(prefix, 128);
    const AffinityKey plain = key_of("198.51.100.7", rules);
    CHECK(key_of("::ffff:198.51.100.7", rules) == plain);
    CHECK(key_of("::ffff:c633:6407", rules) == plain);
    CHECK(key_of("0:0:0:0:0:FFFF:198.51.100.7", rules) == plain);
  }
  // Its neighbours are not mapped addresses.
  CHECK_EQUAL(key_of("::fffe:198.51.100.7", rules_of(32, 64)).kind, KeyKind::kIpv6);
  CHECK_EQUAL(key_of("::198.51.100.7", rules_of(32, 64)).kind, KeyKind::kIpv6);
  CHECK_EQUAL(key_of("1::ffff:198.51.100.7", rules_of(32, 64)).kind, KeyKind::kIpv6);
}

TEST("mapped addresses that differ have keys that differ") {
  // A key that took the upper half of a mapped address before it was normalised would be one for all clients.
  const KeyRules rules = rules_of(32, 64);
  std::set<uint64_t> values;
  for (unsigned i = 0; i < 256; i++) values.insert(key_of(("::ffff:10.0.0." + std::to_string(i)).c_str(), rules).value);
  CHECK_EQUAL(values.size(), 256U);
}

TEST("every IPv4 prefix from 0 to 32 keeps its bits and drops the others") {
  Random random;
  for (unsigned prefix = 0; prefix <= 32; prefix++) {
    const KeyRules rules = rules_of(prefix, 64);
    for (unsigned round = 0; round < 50; round++) {
      const auto number = static_cast<uint32_t>(random.next());
      ClientAddress address;
      address.family = ClientAddress::Family::kIpv4;
      for (unsigned i = 0; i < 4; i++) address.bytes[i] = static_cast<uint8_t>(number >> (24 - 8 * i));
      const uint64_t wanted = prefix == 0 ? 0 : number >> (32 - prefix) << (32 - prefix);
      CHECK_EQUAL(make_key(address, rules).value, wanted);
    }
  }
}

TEST("every IPv6 prefix from 0 to 128: keys are equal exactly if the prefixes are") {
  Random random;
  for (unsigned prefix = 0; prefix <= 128; prefix++) {
    const KeyRules rules = rules_of(32, prefix);
    for (unsigned round = 0; round < 40; round++) {
      const ClientAddress a = random_ipv6(random);
      ClientAddress b = a;
      const auto bit = static_cast<unsigned>(random.between(6, 127));
      b.bytes[bit / 8] = static_cast<uint8_t>(b.bytes[bit / 8] ^ 0x80U >> (bit % 8));
      CHECK_EQUAL(make_key(a, rules) == make_key(b, rules), same_prefix(a, b, prefix));
      CHECK_EQUAL(make_key(a, rules).kind, prefix <= 64 ? KeyKind::kIpv6 : KeyKind::kHashed);
    }
  }
}

TEST("IPv6 prefixes to /64 are the numbers themselves") {
  for (unsigned prefix = 0; prefix <= 64; prefix++) {
    const AffinityKey key = key_of("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", rules_of(32, prefix));
    CHECK_EQUAL(key.value, prefix == 0 ? 0 : ~0ULL << (64 - prefix));
  }
}

TEST("what is no address is refused") {
  for (const char* text : {"",
                           " ",
                           "localhost",
                           "a",
                           "1",
                           "1.2.3",
                           "1.2.3.4.5",
                           "1.2.3.256",
                           "1.2.3.-4",
                           "1.2.3.4 ",
                           " 1.2.3.4",
                           "1..3.4",
                           "1.2.3.4:80",
                           "1.2.3.4/24",
                           "0x1.2.3.4",
                           "1.2.3.0x4",
                           "[::1]",
                           "[::1]:80",
                           "::1/64",
                           ":::",
                           "::1::",
                           "1:2:3:4:5:6:7",
                           "1:2:3:4:5:6:7:8:9",
                           "12345::",
                           "g::",
                           "::ffff:1.2.3.256",
                           "::ffff:1.2.3",
                           "1.2.3.4::",
                           ":",
                           "::1%lo",
                           "fe80::1%eth0",
                           "fe80::1%1",
                           "127.0.0.1%lo",
                           "unix:/tmp/s",
                           "1.2.3.4\n",
                           "١.2.3.4",
                           "0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000"}) {
    if (!CHECK(!parse_address(text).has_value())) std::fprintf(stderr, "  taken: \"%s\"\n", text);
  }
}

TEST("leading zeros are refused: they are octal to some") {
  for (const char* text : {"01.2.3.4", "1.02.3.4", "1.2.3.010", "192.168.001.001", "::ffff:01.2.3.4", "00.0.0.0"}) {
    if (!CHECK(!parse_address(text).has_value())) std::fprintf(stderr, "  taken: \"%s\"\n", text);
  }
}

TEST("a NUL inside the text does not end it") {
  CHECK(!parse_address(std::string_view("1.2.3.4\0", 8)).has_value());
  CHECK(!parse_address(std::string_view("1.2.3.4\0.5", 10)).has_value());
  CHECK(!parse_address(std::string_view("\0", 1)).has_value());
}

TEST("text need not end in NUL") {
  const char text[] = {'1', '0', '.', '1', '.', '2', '.', '3', '4', '5'};
  const auto address = parse_address(std::string_view(text, 9));
  REQUIRE(address.has_value());
  CHECK_EQUAL(make_key(*address, rules_of(32, 64)).value, 0x0a010222ULL);
}

TEST("all forms of one IPv6 address are one key") {
  const KeyRules rules = rules_of(32, 128);
  const AffinityKey key = key_of("2001:db8::1", rules);
  for (const char* text : {"2001:DB8::1", "2001:0db8:0:0:0:0:0:1", "2001:db8:0::0:1", "2001:db8::0.0.0.1"}) {
    CHECK(key_of(text, rules) == key);
  }
}

TEST("no address, and a unix socket, is no key") {
  const KeyRules rules = rules_of(32, 64);
  ClientAddress address;
  CHECK(make_key(address, rules).none());
  address.family = ClientAddress::Family::kUnix;
  CHECK(make_key(address, rules).none());
}

TEST("the kinds of a same value are keys that differ") {
  const Secret secret = make_secret(2);
  const AffinityKey v4{7, KeyKind::kIpv4};
  const AffinityKey v6{7, KeyKind::kIpv6};
  const AffinityKey hashed{7, KeyKind::kHashed};
  CHECK(!(v4 == v6) && !(v6 == hashed));
  CHECK(hash_key(v4, secret) != hash_key(v6, secret) && hash_key(v6, secret) != hash_key(hashed, secret));
}

TEST("no bytes are no key; any others are, up to 64 KiB") {
  const KeyRules rules = rules_of(32, 64);
  std::vector<uint8_t> bytes(kMaxKeyBytes, 0xa5);
  CHECK(make_key(bytes.data(), 0, rules).none());
  CHECK(make_key(nullptr, 0, rules).none());
  std::map<uint64_t, size_t> seen;
  // Across the length classes of the hash, and all lengths of the first of them.
  for (size_t size = 1; size <= kMaxKeyBytes; size = size < 1100 ? size + 1 : size * 2) {
    const AffinityKey key = make_key(bytes.data(), size, rules);
    CHECK_EQUAL(key.kind, KeyKind::kHashed);
    CHECK(seen.emplace(key.value, size).second);
  }
  CHECK(make_key(bytes.data(), kMaxKeyBytes, rules) == make_key(bytes.data(), kMaxKeyBytes, rules));
}

TEST("every byte of a key counts") {
  const KeyRules rules = rules_of(32, 64);
  for (const size_t size : {size_t{1}, size_t{16}, size_t{200}, size_t{241}, size_t{1025}, kMaxKeyBytes}) {
    std::vector<uint8_t> bytes(size, 0);
    const AffinityKey key = make_key(bytes.data(), size, rules);
    const size_t step = size < 2000 ? 1 : 509;
    for (size_t i = 0; i < size; i += step) {
      bytes[i] = 1;
      CHECK(!(make_key(bytes.data(), size, rules) == key));
      bytes[i] = 0;
    }
  }
}

TEST("hashed keys depend on the secret, plain ones do not") {
  KeyRules one = rules_of(32, 128);
  KeyRules two = one;
  two.secret = make_secret(3);
  CHECK(!(make_key("alice", 5, one) == make_key("alice", 5, two)));
  CHECK(!(key_of("2001:db8::1", one) == key_of("2001:db8::1", two)));
  CHECK(key_of("192.0.2.1", one) == key_of("192.0.2.1", two));
}

TEST("a long IPv6 prefix is not the byte key of the same bytes") {
  const KeyRules rules = rules_of(32, 128);
  const auto address = parse_address("2001:db8::1");
  REQUIRE(address.has_value());
  CHECK(!(make_key(*address, rules) == make_key(address->bytes.data(), 16, rules)));
}

TEST("key_text is canonical") {
  CHECK_EQUAL(masked("192.0.2.77", 32, 64), "192.0.2.77/32");
  CHECK_EQUAL(masked("192.0.2.77", 24, 64), "192.0.2.0/24");
  CHECK_EQUAL(masked("192.0.2.77", 0, 64), "0.0.0.0/0");
  CHECK_EQUAL(masked("::ffff:192.0.2.77", 24, 64), "192.0.2.0/24");
  CHECK_EQUAL(masked("2001:0DB8:0:0:1::", 32, 64), "2001:db8::/64");
  CHECK_EQUAL(masked("2001:db8:ffff::1", 32, 33), "2001:db8:8000::/33");
  CHECK_EQUAL(masked("2001:db8::1", 32, 0), "::/0");
  const KeyRules rules = rules_of(32, 64);
  CHECK_EQUAL(key_text({0x0123456789abcdefULL, KeyKind::kHashed}, rules), "#0123456789abcdef");
  CHECK_EQUAL(key_text({}, rules), "-");
}

TEST("key_text of a masked key parses back to the same key") {
  Random random;
  for (unsigned round = 0; round < 2000; round++) {
    const KeyRules rules = rules_of(static_cast<unsigned>(random.below(33)), static_cast<unsigned>(random.below(65)));
    ClientAddress address = random_ipv6(random);
    if (round % 2 == 0) address.family = ClientAddress::Family::kIpv4;
    const AffinityKey key = make_key(address, rules);
    const std::string text = key_text(key, rules);
    const auto again = parse_address(std::string_view(text).substr(0, text.find('/')));
    REQUIRE(again.has_value());
    CHECK(make_key(*again, rules) == key);
    const auto parsed = parse_key(text, rules);
    REQUIRE(parsed.has_value());
    CHECK(*parsed == key);
  }
}

TEST("parse_key takes addresses and canonical texts, and nothing else") {
  const KeyRules rules = rules_of(24, 64);
  CHECK(parse_key("192.0.2.77", rules) == key_of("192.0.2.77", rules));
  CHECK(parse_key("192.0.2.0/24", rules) == key_of("192.0.2.77", rules));
  CHECK(parse_key("2001:db8::/64", rules) == key_of("2001:db8::1", rules));
  const AffinityKey hashed{0x0123456789abcdefULL, KeyKind::kHashed};
  CHECK(parse_key("#0123456789abcdef", rules) == hashed);
  for (const char* text : {"", "-", "/", "/24", "#", "#123", "#0123456789abcdeg", "#0123456789abcdef0",
                           "#+123456789abcdef", "192.0.2.1/24", "192.0.2.0/32", "192.0.2.0/024", "192.0.2.0/24 ",
                           "192.0.2.0/24/24", "2001:db8::1/64", "2001:DB8::/64", "here"}) {
    CHECK(!parse_key(text, rules));
  }
  // A longer IPv6 prefix is only kept as a hash, whose text has no address.
  const KeyRules longer = rules_of(32, 96);
  CHECK(parse_key("2001:db8::/96", longer) == std::nullopt);
  CHECK(parse_key(key_text(key_of("2001:db8::1", longer), longer), longer) == key_of("2001:db8::1", longer));
}

TEST_MAIN
