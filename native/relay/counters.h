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
  kRefusedMaxSessions,
  kRefusedFdBudget,
  kRefusedNoAddress,
  kRefusedNoBackend,
  kRefusedPoolFull,
  kEndFinished,
  kEndClientReset,
  kEndBackendReset,
  kEndClientGone,  // the client left before a backend was connected
  kEndIdleTimeout,
  kEndFinTimeout,
  kEndShutdown,
  kEndError,
  kConnectRefused,
  kConnectUnreachable,
  kConnectTimeout,
  kConnectNoLocalPort,
  kConnectSelf,
  kConnectOther,
  kRecordsDropped,
  kAcceptPaused,
  kCount,
};

using SessionCounters = CounterRows<32>;
static_assert(static_cast<unsigned>(SessionCounter::kCount) <= 32);

}  // namespace limpet
