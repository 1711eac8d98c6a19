// What clients say before their first message, where the subject is to find a key in it. The backends are told how long
// it is, and take it off.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <utility>
#include <vector>

#include "message.h"

namespace limpet::bench {

class Head {
 public:
  // Eight `#` in it stand for the number of the client, in hexadecimal digits.
  static constexpr std::string_view kMark = "########";
  // As many clients as there are sources otherwise.
  static constexpr uint64_t kClients = 4096;
  static constexpr size_t kLongest = 16 * 1024;

  Head() = default;
  explicit Head(std::vector<uint8_t> text) : text_(std::move(text)) {
    const auto found = std::search(text_.begin(), text_.end(), kMark.begin(), kMark.end());
    if (found != text_.end()) mark_ = static_cast<size_t>(found - text_.begin());
    has_mark_ = found != text_.end();
  }

  bool empty() const { return text_.empty(); }
  // The head of some client, and the request behind it.
  std::vector<uint8_t> before(const Message& request) const {
    std::vector<uint8_t> bytes(text_.size() + sizeof request);
    std::copy(text_.begin(), text_.end(), bytes.begin());
    uint64_t client = Message::mix(request.seed()) % kClients;
    for (size_t i = kMark.size(); has_mark_ && i > 0; i--, client /= 16) {
      bytes[mark_ + i - 1] = static_cast<uint8_t>("0123456789abcdef"[client % 16]);
    }
    std::memcpy(bytes.data() + text_.size(), &request, sizeof request);
    return bytes;
  }

 private:
  std::vector<uint8_t> text_;
  size_t mark_ = 0;
  bool has_mark_ = false;
};

}  // namespace limpet::bench
