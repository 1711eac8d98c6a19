// Time, and the CPU time of processes and of the machine, in nanoseconds.
#pragma once

#include <sys/types.h>

#include <cstdint>

namespace limpet::bench {

uint64_t monotonic_ns();

// CPU time of all threads of a process, those that have ended included; 0: there is no such process.
uint64_t cpu_ns(uint64_t pid);

// Time that the processors of the machine were not idle, for whomever. Steps of 10 ms: /proc/stat counts ticks.
uint64_t machine_busy_ns();

}  // namespace limpet::bench
