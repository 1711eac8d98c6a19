// Looking at a client's head without taking it: it stays in the socket's own buffer until the relay reads it like all
// the rest. No session has memory of its own for it, however long it lets its key be waited for.
#pragma once

#include <optional>

#include "../protocol/head.h"
#include "session.h"

namespace limpet {

// One for each thread.
struct PeekRoom {
  std::array<uint8_t, kMaxHeadBytes> head;
  Scratch scratch;
};

// The first bytes of a side that have come, `limit` at most, from those that were read before it was handed over on.
// Nothing: it was reset.
std::optional<Bytes> peek_head(const Side& side, size_t limit, PeekRoom& room);

}  // namespace limpet
