#include "fd_budget.h"

#include <dirent.h>
#include <sys/resource.h>

#include <algorithm>

namespace limpet {

namespace {

// For what the process still opens: 64 connections of the admin API (LIMITS in src/admin/limits.ts), 32 checks at one
// time (AT_ONCE in src/health/monitor.ts), 16 agents (the same in src/health/agent-monitor.ts), and 48 for listeners of
// libuv, files, the descriptor that a hand-over doubles, and those that libuv holds for a moment while it drops a
// newcomer.
constexpr uint32_t kReserve = 64 + 32 + 16 + 48;
constexpr uint32_t kUnlimited = 1U << 30;

uint32_t open_now() {
  DIR* const directory = opendir("/proc/self/fd");
  if (!directory) return 32;  // no /proc: what a fresh Node process has, and some
  uint32_t count = 0;
  while (readdir(directory)) count++;
  closedir(directory);
  return count;
}

}  // namespace

FdBudget& FdBudget::process() {
  static FdBudget budget;
  return budget;
}

void FdBudget::init() {
  std::call_once(once_, [this] { read_limit(); });
}

void FdBudget::read_limit() {
  rlimit limit{};
  uint32_t most = kUnlimited;
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < kUnlimited)
    most = static_cast<uint32_t>(limit.rlim_cur);
  const uint32_t others = open_now() + kReserve;
  all_.store(most > others ? most - others : 0);
}

bool FdBudget::take_below(uint32_t count, uint32_t limit) {
  uint32_t used = used_.load(std::memory_order_relaxed);
  while (used + count <= limit) {
    if (used_.compare_exchange_weak(used, used + count, std::memory_order_acq_rel)) return true;
  }
  return false;
}

}  // namespace limpet
