// The command lines of the programs: `--name value` pairs. A program that is called wrongly says so and ends with 64.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace limpet::bench {

// Writes the sentence to standard error and ends the process with 64, or with `status`.
[[noreturn]] inline void refuse(const std::string& sentence, int status = 64) {
  std::fprintf(stderr, "%s\n", sentence.c_str());
  std::exit(status);
}

class Arguments {
 public:
  // From argv[first] on; ends the process if a name is not one of `known`.
  Arguments(int argc, char** argv, int first, const std::vector<std::string>& known);

  // A whole number from `least` to `most`, or `otherwise` if it was not given.
  uint64_t number(const std::string& name, uint64_t otherwise, uint64_t least, uint64_t most) const;

  // `address:port,address:port…`, IPv4; empty: not given.
  std::vector<sockaddr_in> addresses(const std::string& name) const;

  // `1,2,3`; empty: not given.
  std::vector<uint64_t> numbers(const std::string& name) const;

  // Two hexadecimal digits a byte; empty: not given.
  std::vector<uint8_t> bytes(const std::string& name) const;

 private:
  std::map<std::string, std::string> values_;
};

namespace detail {

inline std::vector<std::string> split(const std::string& text, char separator) {
  std::vector<std::string> parts;
  size_t begin = 0;
  while (begin < text.size()) {
    const size_t end = std::min(text.find(separator, begin), text.size());
    parts.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return parts;
}

inline uint64_t parse(const std::string& name, std::string_view text, uint64_t least, uint64_t most) {
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < least || value > most) {
    refuse("--" + name + " " + std::string(text) + ": a number from " + std::to_string(least) + " to " +
           std::to_string(most) + " is wanted");
  }
  return value;
}

}  // namespace detail

inline Arguments::Arguments(int argc, char** argv, int first, const std::vector<std::string>& known) {
  for (int i = first; i < argc; i += 2) {
    const std::string_view word = argv[i];
    const std::string name(word.substr(std::min<size_t>(word.size(), 2)));
    const bool is_known = word.starts_with("--") && std::find(known.begin(), known.end(), name) != known.end();
    if (!is_known) refuse("unknown argument " + std::string(word));
    if (i + 1 == argc) refuse("--" + name + " wants a value");
    values_[name] = argv[i + 1];
  }
}

inline uint64_t Arguments::number(const std::string& name, uint64_t otherwise, uint64_t least, uint64_t most) const {
  const auto found = values_.find(name);
  return found == values_.end() ? otherwise : detail::parse(name, found->second, least, most);
}

inline std::vector<sockaddr_in> Arguments::addresses(const std::string& name) const {
  std::vector<sockaddr_in> addresses;
  const auto found = values_.find(name);
  if (found == values_.end()) return addresses;
  for (const std::string& part : detail::split(found->second, ',')) {
    const size_t colon = std::min(part.find(':'), part.size());
    sockaddr_in address{};
    address.sin_family = AF_INET;
    if (inet_pton(AF_INET, part.substr(0, colon).c_str(), &address.sin_addr) != 1 || colon == part.size()) {
      refuse("--" + name + " " + part + ": an IPv4 address and a port are wanted, like 127.0.0.1:80");
    }
    address.sin_port =
        htons(static_cast<uint16_t>(detail::parse(name, std::string_view(part).substr(colon + 1), 0, 65535)));
    addresses.push_back(address);
  }
  return addresses;
}

inline std::vector<uint64_t> Arguments::numbers(const std::string& name) const {
  std::vector<uint64_t> numbers;
  const auto found = values_.find(name);
  if (found == values_.end()) return numbers;
  for (const std::string& part : detail::split(found->second, ','))
    numbers.push_back(detail::parse(name, part, 0, UINT32_MAX));
  return numbers;
}

inline std::vector<uint8_t> Arguments::bytes(const std::string& name) const {
  std::vector<uint8_t> bytes;
  const auto found = values_.find(name);
  if (found == values_.end()) return bytes;
  const std::string& text = found->second;
  for (size_t at = 0; at < text.size(); at += 2) {
    uint8_t byte = 0;
    const char* const end = text.data() + std::min(at + 2, text.size());
    const auto [stop, error] = std::from_chars(text.data() + at, end, byte, 16);
    if (error != std::errc() || stop != text.data() + at + 2) refuse("--" + name + ": two digits a byte are wanted");
    bytes.push_back(byte);
  }
  return bytes;
}

}  // namespace limpet::bench
