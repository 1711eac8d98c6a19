#include "address_filter.h"

#include <charconv>
#include <optional>

namespace limpet {

namespace {

constexpr unsigned kMappedBits = 96;  // before the IPv4 address in an IPv4-mapped one

template <typename Number>
Number number_of(const uint8_t* bytes) {
  Number number = 0;
  for (size_t i = 0; i < sizeof(Number); i++) number = static_cast<Number>(number << 8) | bytes[i];
  return number;
}

// Adds what has the first `bits` bits of `address`.
template <typename Number>
void add_network(Ranges<Number>& ranges, Number address, unsigned bits) {
  const Number all = static_cast<Number>(~Number{0});
  const Number rest = bits == 0 ? all : bits >= sizeof(Number) * 8 ? Number{0} : static_cast<Number>(all >> bits);
  ranges.add(address & static_cast<Number>(~rest), address | rest);
}

// Nothing: no number from 0 to `most`.
std::optional<unsigned> parse_bits(std::string_view text, unsigned most) {
  unsigned bits = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), bits);
  if (error != std::errc{} || end != text.data() + text.size() || bits > most) return std::nullopt;
  return bits;
}

}  // namespace

bool AddressFilter::Networks::add(std::string_view network) {
  const size_t slash = network.find('/');
  const auto address = parse_address(network.substr(0, slash));
  if (!address) return false;
  const bool is_v4 = address->family == ClientAddress::Family::kIpv4;
  const unsigned most = is_v4 ? 32 : 128;
  const auto bits = slash == std::string_view::npos ? most : parse_bits(network.substr(slash + 1), most);
  if (!bits) return false;
  const ClientAddress normal = normalised(*address);
  if (is_v4) {
    add_network(ipv4, number_of<uint32_t>(address->bytes.data()), *bits);
  } else if (normal.family == ClientAddress::Family::kIpv4 && *bits >= kMappedBits) {
    add_network(ipv4, number_of<uint32_t>(normal.bytes.data()), *bits - kMappedBits);
  } else {
    add_network(ipv6, number_of<Number128>(address->bytes.data()), *bits);
  }
  return true;
}

bool AddressFilter::Networks::contains(const ClientAddress& normal) const {
  switch (normal.family) {
    case ClientAddress::Family::kIpv4:
      return ipv4.contains(number_of<uint32_t>(normal.bytes.data()));
    case ClientAddress::Family::kIpv6:
      return ipv6.contains(number_of<Number128>(normal.bytes.data()));
    case ClientAddress::Family::kNone:
    case ClientAddress::Family::kUnix:
      break;
  }
  return false;
}

bool AddressFilter::permits(const ClientAddress& address) const {
  const ClientAddress normal = normalised(address);
  const bool known = normal.family == ClientAddress::Family::kIpv4 || normal.family == ClientAddress::Family::kIpv6;
  return known && !denied_.contains(normal) && (allowed_.empty() || allowed_.contains(normal));
}

}  // namespace limpet
