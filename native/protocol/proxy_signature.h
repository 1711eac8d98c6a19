// How the two versions of the PROXY protocol begin.
#pragma once

#include <string_view>

namespace limpet {

inline constexpr std::string_view kProxyV1Beginning = "PROXY ";
// It has a NUL, so its length is given.
inline constexpr std::string_view kProxyV2Signature{"\r\n\r\n\0\r\nQUIT\n", 12};

}  // namespace limpet
