// Counters of sessions: one row a thread. The order is that of SESSION_COUNTERS in src/native.ts. At any time
// accepted = live sessions + Σ refused… + Σ end….
#pragma once

#include "../core/counters.h"

namespace limpet {

enum class SessionCounter : unsigned {
  kAccepted,
  kOpened,
  kBytesToBackend,
  kBytesToClient,
  kEndFinished,
  kRefusedMaxSessions,
  kRefusedFdBudget,
  kRefusedNoAddress,
  kRefusedNoBackend,
  kRefusedPoolFull,
  kRefusedKeySessions,
  kRefusedKeyRate,
  kRefusedAdmission,       // would have had to wait too long for its backend
  kRefusedQueueFull,       // all backends are full, and so is the pool's queue
  kRefusedQueueTimeout,    // waited there in vain
  kRefusedDenied,          // by the listener's lists
  kRefusedNoKey,           // affinity.fallback: refuse
  kRefusedNoRoute,         // the listener has no route for it
  kRefusedProxyUntrusted,  // the listener takes clients from proxies that it trusts, and this was none
  kRefusedProxyInvalid,    // no PROXY header, or a malformed one
  kRefusedProxyTimeout,    // the header was not whole in time
  kRefusedTls,             // its handshake failed; only the stream relay has those
  kEndClientReset,
  kEndBackendReset,
  kEndClientGone,  // the client left before a backend was connected
  kEndIdleTimeout,
  kEndFinTimeout,
  kEndShutdown,
  kEndClosed,  // by an operator
  kEndError,
  kConnectRefused,
  kConnectUnreachable,
  kConnectTimeout,
  kConnectNoLocalPort,
  kConnectSelf,
  kConnectOther,
  kConnectTls,  // connected, but the handshake failed; only the stream relay has those
  kRecordsDropped,
  kAcceptPaused,
  kBytesSpliced,
  kPipesRefused,
  kPipesSmall,
  kSpliceFallbacks,
  // A session whose head was looked at adds to one of these.
  kKeyFound,
  kKeyMissing,  // another protocol, or none in it
  kKeyLate,     // not within peek.timeout
  kKeyTooFar,   // not within peek.bytes
  kKeyFailed,   // not a session: a function of a key's failed; those are JavaScript's (src/affinity)
  // Only the stream relay reads and writes cookies.
  kCookiesSet,
  kCookiesLearnt,
  kCookiesUnread,
  kCount,
};

// What a usual session adds to is in the first cache line of a row; the key of its head, if it has one, in another.
inline constexpr unsigned kSessionCounterColumns = 56;
inline constexpr unsigned kDurationColumns = 32;  // behind them, to the end of the row (durations.h)
using SessionCounters = CounterRows<kSessionCounterColumns + kDurationColumns>;
static_assert(static_cast<unsigned>(SessionCounter::kCount) <= kSessionCounterColumns);
static_assert(static_cast<unsigned>(SessionCounter::kEndFinished) < 8);

// The row of one thread, which alone adds to it.
struct SessionCounterRow {
  SessionCounters& rows;
  const unsigned row;

  void add(SessionCounter counter, uint64_t by = 1) const { rows.add(row, static_cast<unsigned>(counter), by); }
};

}  // namespace limpet
