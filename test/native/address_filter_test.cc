// Lists of networks: what is permitted, and that ranges say what bit by bit comparison says.
#include "core/address_filter.h"

#include <cstring>
#include <string>

#include "support/random.h"
#include "support/test.h"

using namespace limpet;
using namespace limpet::test;

namespace {

ClientAddress address(const char* text) { return *parse_address(text); }

AddressFilter filter_of(std::initializer_list<const char*> allow, std::initializer_list<const char*> deny) {
  AddressFilter filter;
  for (const char* network : allow) CHECK(filter.allow(network));
  for (const char* network : deny) CHECK(filter.deny(network));
  filter.seal();
  return filter;
}

// Whether the first `bits` bits agree.
bool in_network(const ClientAddress& one, const ClientAddress& network, unsigned bits) {
  for (unsigned i = 0; i < bits; i++) {
    const unsigned shift = 7 - i % 8;
    if ((one.bytes[i / 8] >> shift & 1) != (network.bytes[i / 8] >> shift & 1)) return false;
  }
  return true;
}

struct Network {
  ClientAddress address;
  unsigned bits;
};

ClientAddress random_address(Random& random, bool v6) {
  ClientAddress made;
  made.family = v6 ? ClientAddress::Family::kIpv6 : ClientAddress::Family::kIpv4;
  // Few values a byte, so that networks meet, contain and touch each other.
  for (unsigned i = 0; i < (v6 ? 16U : 4U); i++) made.bytes[i] = static_cast<uint8_t>(random.below(4) * 0x55);
  return made;
}

std::string text_of(const Network& network, bool v6) {
  char text[64];
  std::string result;
  for (unsigned i = 0; i < (v6 ? 16U : 4U); i++) {
    const char* const format = v6 ? "%02x" : "%u";
    std::snprintf(text, sizeof text, format, static_cast<unsigned>(network.address.bytes[i]));
    if (i > 0 && (!v6 || i % 2 == 0)) result += v6 ? ":" : ".";
    result += text;
  }
  return result + "/" + std::to_string(network.bits);
}

}  // namespace

TEST("an empty list permits every address, and nobody without one") {
  const AddressFilter filter = filter_of({}, {});
  CHECK(filter.permits(address("192.0.2.1")));
  CHECK(filter.permits(address("2001:db8::1")));
  ClientAddress unix_client;
  unix_client.family = ClientAddress::Family::kUnix;
  CHECK(!filter.permits(unix_client));
  CHECK(!filter.permits({}));
}

TEST("the ends of networks are inside, their neighbours are not") {
  const AddressFilter filter = filter_of({"10.1.0.0/16", "192.0.2.7", "2001:db8::/32", "::1"}, {});
  for (const char* inside : {"10.1.0.0", "10.1.255.255", "192.0.2.7", "2001:db8::", "::1",
                             "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", "::ffff:10.1.2.3"}) {
    CHECK(filter.permits(address(inside)));
  }
  for (const char* outside : {"10.0.255.255", "10.2.0.0", "192.0.2.6", "192.0.2.8",
                              "2001:db7:ffff::", "2001:db9::", "::", "::2", "::ffff:10.2.0.0", "::10.1.2.3"}) {
    CHECK(!filter.permits(address(outside)));
  }
}

TEST("denied is denied, also inside of what is allowed, and allowed inside of what is denied") {
  const AddressFilter filter = filter_of({"10.0.0.0/8", "10.1.2.3"}, {"10.1.0.0/16", "fe80::/10"});
  CHECK(filter.permits(address("10.2.0.1")));
  CHECK(!filter.permits(address("10.1.0.1")));
  CHECK(!filter.permits(address("10.1.2.3")));
  CHECK(!filter.permits(address("192.0.2.1")));
  CHECK(!filter.permits(address("2001:db8::1")));
  const AddressFilter others = filter_of({}, {"fe80::/10"});
  CHECK(!others.permits(address("febf::1")));
  CHECK(others.permits(address("fec0::1")));
  CHECK(others.permits(address("10.1.2.3")));
}

TEST("IPv4-mapped is IPv4; every IPv6 address is no IPv4 one") {
  CHECK(filter_of({"::ffff:10.0.0.0/104"}, {}).permits(address("10.9.9.9")));
  CHECK(!filter_of({"::ffff:10.0.0.0/104"}, {}).permits(address("11.0.0.0")));
  CHECK(filter_of({}, {"::/0"}).permits(address("10.9.9.9")));
  CHECK(filter_of({}, {"::/0"}).permits(address("::ffff:10.9.9.9")));
  CHECK(!filter_of({}, {"::/0"}).permits(address("2001:db8::1")));
  CHECK(!filter_of({}, {"0.0.0.0/0"}).permits(address("::ffff:10.9.9.9")));
  CHECK(filter_of({}, {"0.0.0.0/0"}).permits(address("2001:db8::1")));
}

TEST("what is no network is refused") {
  AddressFilter filter;
  for (const char* text : {"", "/8", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/8x", "10.0.0.0/ 8", "10.0.0",
                           "::/129", "fe80::1%lo", "localhost", "10.0.0.0/8/8"}) {
    CHECK(!filter.allow(text));
  }
}

TEST("ranges that overlap or touch become one") {
  Ranges<uint32_t> ranges;
  ranges.add(20, 29);
  ranges.add(0, 9);
  ranges.add(30, 39);
  ranges.add(5, 7);
  ranges.add(0xffffffff, 0xffffffff);
  ranges.add(0xfffffff0, 0xfffffffe);
  ranges.seal();
  CHECK_EQUAL(ranges.size(), size_t{3});
  for (const uint32_t inside : {0U, 9U, 20U, 30U, 39U, 0xfffffff0U, 0xffffffffU}) CHECK(ranges.contains(inside));
  for (const uint32_t outside : {10U, 19U, 40U, 0xffffffefU}) CHECK(!ranges.contains(outside));
}

TEST("random lists say what comparing bit by bit says") {
  Random random(seed());
  for (unsigned round = 0; round < 200; round++) {
    const bool v6 = round % 2 == 1;
    std::vector<Network> allowed;
    std::vector<Network> denied;
    AddressFilter filter;
    for (auto* list : {&allowed, &denied}) {
      const auto count = random.below(6);
      for (uint64_t i = 0; i < count; i++) {
        const Network made{random_address(random, v6), static_cast<unsigned>(random.below(v6 ? 129 : 33))};
        list->push_back(made);
        CHECK(list == &allowed ? filter.allow(text_of(made, v6)) : filter.deny(text_of(made, v6)));
      }
    }
    filter.seal();
    for (unsigned i = 0; i < 50; i++) {
      const ClientAddress one = random_address(random, v6);
      const auto within = [&](const std::vector<Network>& list) {
        return std::any_of(list.begin(), list.end(),
                           [&](const Network& network) { return in_network(one, network.address, network.bits); });
      };
      CHECK_EQUAL(filter.permits(one), !within(denied) && (allowed.empty() || within(allowed)));
    }
  }
}

TEST_MAIN
