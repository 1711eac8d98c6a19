// Copies bytes between the two sockets of a session, one direction at a time.
//
// Bytes out are a prefix of bytes in until the end, and equal to them at the end. The FIN goes on only after the last
// byte; the end of input is recv() == 0 and nothing else.
#pragma once

#include "buffers.h"
#include "session.h"

namespace limpet {

enum class CopyResult : uint8_t {
  kIdle,       // nothing to do until epoll reports
  kBudget,     // the budget of this wake-up is used up; call again after the others
  kEnded,      // the direction is complete: its FIN went on
  kFromReset,  // reading failed: the sender reset, or is gone
  kToReset,    // writing failed: the receiver reset, or is gone
  kNoMemory,
};

// One direction, `from` → the other side, for one wake-up. `moved` grows by the bytes written.
CopyResult copy(Session& session, Which from, Buffers& buffers, uint64_t& moved);

}  // namespace limpet
