// A pin: where a key's sessions go, as the stick table keeps it.
#pragma once

#include <cstdint>

namespace limpet {

inline constexpr uint16_t kMaxPinBackend = (1U << 14) - 1;
inline constexpr uint16_t kGenerations = 1U << 12;

struct Pin {
  uint16_t backend = 0;      // registry index, 14 bits
  uint16_t generation = 0;   // of that index, 12 bits: an index that was reused is a miss
  bool away = false;         // not at home: losing it would move the client
  bool provisional = false;  // no connect of this key has succeeded yet
  bool adopted = false;      // another balancer made it, and no session has used it here

  bool same_backend(const Pin& other) const { return backend == other.backend && generation == other.generation; }
};

}  // namespace limpet
