#include "clocks.h"

#include <cstdio>
#include <ctime>

namespace limpet::bench {

namespace {

uint64_t read_clock(clockid_t clock) {
  timespec now{};
  if (clock_gettime(clock, &now) != 0) return 0;
  return static_cast<uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(now.tv_nsec);
}

// USER_HZ is 100 on every architecture that Linux still has (proc(5)).
constexpr uint64_t kTickNs = 10'000'000;

}  // namespace

uint64_t monotonic_ns() { return read_clock(CLOCK_MONOTONIC); }

// The scheduler's own sum, to the nanosecond: /proc/PID/stat has ticks only, and of /proc/PID/task/*/schedstat threads
// vanish when they end.
uint64_t cpu_ns(uint64_t pid) {
  clockid_t clock;
  return clock_getcpuclockid(static_cast<pid_t>(pid), &clock) == 0 ? read_clock(clock) : 0;
}

uint64_t machine_busy_ns() {
  std::FILE* file = std::fopen("/proc/stat", "r");
  if (!file) return 0;
  // user, nice, system, idle, iowait, irq, softirq; what a hypervisor took (steal) nobody here has used.
  unsigned long long ticks[7] = {};
  const int read = std::fscanf(file, "cpu %llu %llu %llu %llu %llu %llu %llu", &ticks[0], &ticks[1], &ticks[2],
                               &ticks[3], &ticks[4], &ticks[5], &ticks[6]);
  std::fclose(file);
  if (read != 7) return 0;
  return (ticks[0] + ticks[1] + ticks[2] + ticks[5] + ticks[6]) * kTickNs;
}

}  // namespace limpet::bench
