// The first bytes of a backend's answer, kept until what is looked for in them is found, or is not there. They are on
// their way to the client meanwhile.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>

#include "../protocol/tls_server_hello.h"

namespace limpet {

struct FirstBytes {
  std::array<uint8_t, kMaxServerHelloBytes> bytes;
  size_t size = 0;

  bool full() const { return size == bytes.size(); }
  Bytes all() const { return Bytes(bytes).first(size); }
  void add(Bytes more) {
    const size_t taken = std::min(more.size(), bytes.size() - size);
    std::copy_n(more.begin(), taken, bytes.begin() + static_cast<std::ptrdiff_t>(size));
    size += taken;
  }
};

}  // namespace limpet
