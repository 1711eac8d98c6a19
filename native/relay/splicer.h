// Bytes from a socket into a pipe and from a pipe into a socket, without a copy in this process.
//
// EAGAIN of splice() would mean an empty socket or a full pipe. Here bytes go only into an empty pipe, so it means the
// socket. Short is not drained: a splice may stop at what the pipe's slots hold, not at the end of what has come.
#pragma once

#include <cstdint>

#include "session.h"

namespace limpet {

enum class Spliced : uint8_t {
  kSome,     // bytes moved; there may be more
  kBlocked,  // EAGAIN: nothing to read, or no room to write
  kNothing,  // splice() == 0: the end, or urgent data, which only recv() can tell
  kRefused,  // the kernel does not splice here: nothing moved, copy instead
  kFailed,   // the socket was reset, or its peer is gone
};

// From the socket into its empty pipe.
Spliced splice_in(Side& from);

// From the pipe of `from` into the other side's socket. `moved` grows by the bytes written.
Spliced splice_out(Side& from, Side& to, uint64_t& moved);

}  // namespace limpet
