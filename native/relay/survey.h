// A look at the live sessions of one worker: made by the worker itself, in steps, so that no lock and no long walk
// stands in the way of the sessions.
#pragma once

#include <atomic>
#include <cstdint>
#include <vector>

#include "record.h"

namespace limpet {

// A live session, as it was when the worker looked. The layout is read by src/relay/survey.ts.
struct SessionSight {
  SessionRecord record;  // kOpen: it is connected, kConnecting: not yet
  uint32_t place;        // in the worker's slab; with its id it names the session
  uint32_t unused;
  uint64_t idle_ms;  // since the last byte in either direction
};
static_assert(sizeof(SessionSight) == 96);

// Whoever asks makes it and keeps it until it is done; the worker writes it meanwhile.
struct Survey {
  static constexpr uint32_t kAny = UINT32_MAX;
  static constexpr uint32_t kEnd = UINT32_MAX;

  uint32_t pool = kAny;
  uint32_t listener = kAny;
  uint32_t from = 0;  // the first place to look at
  size_t most = 0;    // sights

  std::vector<SessionSight> found;
  uint32_t next = kEnd;  // where to go on
  std::atomic<bool> done{false};
};

}  // namespace limpet
