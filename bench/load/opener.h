// Opens sessions and has each exchange a message, so that they are known to reach a backend.
#pragma once

#include <cstdint>
#include <vector>

#include "faults.h"
#include "sockets.h"

namespace limpet::bench {

// A descriptor for each that was opened; a fault is counted for each that was not. Gives up at the first failed batch.
std::vector<int> open_sessions(Route& route, size_t count, Faults& faults);

// A message each way on each of them; a fault is counted for each that does not answer. They stay open.
void ask_all(const std::vector<int>& sessions, Faults& faults);

void close_all(const std::vector<int>& sessions);

}  // namespace limpet::bench
