#include "framed.h"

namespace limpet {

Extraction bytes_at(Bytes head, uint32_t offset, uint32_t length) {
  const size_t end = size_t{offset} + length;
  if (end > kMaxHeadBytes) return kNoKey;
  return head.size() < end ? kNeedsMore : found(text_of(head.subspan(offset, length)));
}

Extraction length_prefixed(Bytes head, uint32_t offset, unsigned size, ByteOrder order) {
  const size_t begin = size_t{offset} + size;
  if (begin > kMaxHeadBytes) return kNoKey;
  if (head.size() < begin) return kNeedsMore;
  uint32_t length = 0;
  for (unsigned at = 0; at < size; at++) {
    const unsigned from = order == ByteOrder::kBig ? at : size - 1 - at;
    length = length << 8 | head[offset + from];
  }
  return length > kMaxHeadBytes ? kNoKey : bytes_at(head, static_cast<uint32_t>(begin), length);
}

}  // namespace limpet
