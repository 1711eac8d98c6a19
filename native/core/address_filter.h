// Which clients a listener takes: lists of networks that are allowed and denied, as sorted ranges of addresses.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

#include "affinity_key.h"

namespace limpet {

// A set of numbers, as ranges that neither overlap nor touch. Looking up takes log2(ranges) steps.
template <typename Number>
class Ranges {
 public:
  // The range with both its ends; seal() must follow before the next look-up.
  void add(Number first, Number last) { ranges_.emplace_back(first, last); }

  void seal() {
    std::sort(ranges_.begin(), ranges_.end());
    size_t kept = 0;
    for (const auto& range : ranges_) {
      // `first − 1` is no number below the first one, which touches nothing before it.
      const bool touches = kept > 0 && (range.first == 0 || range.first - 1 <= ranges_[kept - 1].second);
      if (touches) {
        ranges_[kept - 1].second = std::max(ranges_[kept - 1].second, range.second);
      } else {
        ranges_[kept++] = range;
      }
    }
    ranges_.resize(kept);
    ranges_.shrink_to_fit();
  }

  bool contains(Number number) const {
    const auto after = std::upper_bound(ranges_.begin(), ranges_.end(), number,
                                        [](Number wanted, const auto& range) { return wanted < range.first; });
    return after != ranges_.begin() && number <= std::prev(after)->second;
  }
  bool empty() const { return ranges_.empty(); }
  size_t size() const { return ranges_.size(); }

 private:
  std::vector<std::pair<Number, Number>> ranges_;
};

// Immutable once sealed: any number of threads ask.
class AddressFilter {
 public:
  // A network as text: an address, or an address, `/` and the bits that count; the others are ignored. False: it is
  // neither. An IPv4-mapped one with 96 bits or more is the IPv4 network that it is.
  bool allow(std::string_view network) { return allowed_.add(network); }
  bool deny(std::string_view network) { return denied_.add(network); }
  // After the last network, before the first question.
  void seal() {
    allowed_.seal();
    denied_.seal();
  }

  // Denied is denied, allowed or not; where nothing is allowed by name, everything else is. A client without an IP
  // address is in no network: it is never permitted.
  bool permits(const ClientAddress& address) const;

 private:
  __extension__ using Number128 = unsigned __int128;

  // IPv4 and IPv6 apart: `::/0` is every IPv6 address and no IPv4 one.
  struct Networks {
    Ranges<uint32_t> ipv4;
    Ranges<Number128> ipv6;

    bool add(std::string_view network);
    void seal() {
      ipv4.seal();
      ipv6.seal();
    }
    bool contains(const ClientAddress& normal) const;
    bool empty() const { return ipv4.empty() && ipv6.empty(); }
  };

  Networks allowed_;
  Networks denied_;
};

}  // namespace limpet
