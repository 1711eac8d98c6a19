// A ClientHello that asks for a server and offers protocols.
#pragma once

#include <string>
#include <vector>

#include "support/head.h"

namespace limpet::test {

inline std::string client_hello(const std::string& server_name, const std::vector<std::string>& protocols = {}) {
  std::string extensions;
  if (!server_name.empty()) {
    extensions += number(0, 2) + with_length(with_length(std::string(1, '\0') + with_length(server_name, 2), 2), 2);
  }
  std::string names;
  for (const std::string& name : protocols) names += with_length(name, 1);
  if (!names.empty()) extensions += number(16, 2) + with_length(with_length(names, 2), 2);
  const std::string body = number(0x0303, 2) + std::string(32, 'r') + with_length("", 1) +
                           with_length(number(0x1301, 2), 2) + with_length(std::string(1, '\0'), 1) +
                           (extensions.empty() ? "" : with_length(extensions, 2));
  return "\x16\x03\x01" + with_length("\x01" + with_length(body, 3), 2);
}

}  // namespace limpet::test
