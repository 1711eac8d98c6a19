// Runs the threads of a trial, and reads clocks and counters when its window begins and ends.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "client.h"
#include "events.h"

namespace limpet::bench {

struct Window {
  uint64_t warmup_ms;
  uint64_t ms;
  // So many units instead of a time; 0: the time counts. The window then has no warm-up, and ends with the last unit.
  uint64_t count;
  std::vector<uint64_t> watched;  // processes whose CPU time is wanted: those of a balancer
  uint64_t backend;               // the backends' process; 0: unknown
};

// Prints what was found. `make`: a client of one thread; called once a thread.
void measure(Trial& trial, Event& stop, unsigned threads, const Window& window,
             const std::function<std::unique_ptr<Client>()>& make);

}  // namespace limpet::bench
