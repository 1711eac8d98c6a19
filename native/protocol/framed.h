// Keys at a place: for protocols of one's own.
#pragma once

#include "head.h"

namespace limpet {

enum class ByteOrder : uint8_t { kBig = 0, kLittle = 1 };

// `length` bytes from `offset` on.
Extraction bytes_at(Bytes head, uint32_t offset, uint32_t length);

// As many bytes as the number of `size` bytes (1, 2, 4) at `offset` tells, right behind it.
Extraction length_prefixed(Bytes head, uint32_t offset, unsigned size, ByteOrder order);

}  // namespace limpet
