// Moves bytes between the two sockets of a session, one direction at a time: small messages through the thread's
// buffer, bulk through a pipe.
//
// Bytes out are a prefix of bytes in until the end, and equal to them at the end. The FIN goes on only after the last
// byte; the end of input is recv() == 0 and nothing else.
#pragma once

#include <span>

#include "buffers.h"
#include "counters.h"
#include "pipe_pool.h"
#include "session.h"

namespace limpet {

enum class CopyResult : uint8_t {
  kIdle,       // nothing to do until epoll reports
  kBudget,     // the budget of this wake-up is used up; call again after the others
  kEnded,      // the direction is complete: its FIN went on
  kFromReset,  // reading failed: the sender reset, or is gone
  kToReset,    // writing failed: the receiver reset, or is gone
  kError,      // a failure of this host: no memory
};

class Copier {
 public:
  explicit Copier(const SessionCounterRow& counters) : counters_(counters), pipes_(counters) {}

  // One direction, `from` → the other side, for one wake-up. `moved` grows by the bytes written.
  CopyResult copy(Session& session, Which from, uint64_t& moved);
  // Room for what is sent ahead.
  std::span<uint8_t> room() { return {buffers_.shared(), Buffers::kBytes}; }
  // Sends what is in the room to the other side of `from`, before everything that came from there; such bytes are not
  // counted. False: no memory.
  bool send_ahead(Session& session, Which from, uint32_t count);
  // Forgets what was taken from a side and not passed on.
  void drop(Side& from);
  // No session is left: lets go of what waits for the next.
  void rest() { pipes_.clear(); }

 private:
  enum class Sent : uint8_t { kAll, kBlocked, kFailed, kError };

  CopyResult move(Side& from, Side& to, uint64_t& moved);
  bool may_splice(Side& from, const Side& to);
  bool receive(Side& from, uint32_t& count);
  bool fill_pipe(Side& from);
  static Sent failed(Side& to, int error);
  Sent flush(Side& from, Side& to, uint64_t& moved);
  Sent flush_pipe(Side& from, Side& to, uint64_t& moved);
  Sent empty_pipe(Side& from, Side& to, uint64_t& moved);
  Sent send_buffer(Side& from, Side& to, uint32_t count, uint64_t& moved);
  void refuse(Side& from);

  const SessionCounterRow counters_;
  Buffers buffers_;
  PipePool pipes_;
};

}  // namespace limpet
