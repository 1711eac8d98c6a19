// CRC-32C, of Castagnoli: the checksum of PROXY protocol headers, as RFC 4960 (appendix B) has it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace limpet {

// `before`: the checksum of what goes before these bytes.
uint32_t crc32c(std::span<const uint8_t> bytes, uint32_t before = 0);

}  // namespace limpet
