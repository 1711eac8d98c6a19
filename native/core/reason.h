// Why a decision was made, or why there was none. The numbers are those of src/native.ts.
#pragma once

#include <cstdint>

namespace limpet {

enum class Reason : uint8_t {
  kPin = 0,         // the stick table says so
  kHome = 1,        // first backend of the key's order
  kOverflow = 2,    // home (or the pinned backend) is at its bound
  kFailover = 3,    // home is not ready
  kRedispatch = 4,  // a connect failed
  kNoKey = 5,       // a client without an address, or without a key: least loaded
  kReturned = 6,    // was pinned elsewhere, and is home again
  kCookie = 7,      // the session itself names it: by the token of a cookie, or of its protocol
};

enum class PickStatus : int8_t {
  kOk = 0,
  kNoBackend = -1,  // nobody is eligible
  kPoolFull = -2,   // all eligible backends are at their maxSessions
  // −3 is an address that is none (pool_wrap.cc).
  kKeySessions = -4,  // the key has as many sessions as one may have
  kKeyRate = -5,      // its sessions come too fast
  kQueueFull = -6,    // as kPoolFull, and so many wait already that this one may not
};

}  // namespace limpet
