// What a slot of the stick table has beside its key: one word. Only for stick_table.cc and its like.
#pragma once

#include <algorithm>
#include <cstdint>

#include "affinity_key.h"
#include "pin.h"

namespace limpet {

// meta: backend 14 | generation 12 | expiry 31 | visits 2 | kind 2 | away 1 | provisional 1 | adopted 1
inline constexpr unsigned kGenerationShift = 14;
inline constexpr unsigned kExpiryShift = 26;
inline constexpr unsigned kVisitsShift = 57;
inline constexpr unsigned kKindShift = 59;
inline constexpr uint64_t kAwayBit = 1ULL << 61;
inline constexpr uint64_t kProvisionalBit = 1ULL << 62;
inline constexpr uint64_t kAdoptedBit = 1ULL << 63;
inline constexpr uint64_t kExpiryMask = (1ULL << 31) - 1;
inline constexpr unsigned kMaxVisits = 3;

inline unsigned visits_of(uint64_t meta) { return static_cast<unsigned>(meta >> kVisitsShift) & 3; }
inline KeyKind kind_of(uint64_t meta) { return static_cast<KeyKind>(meta >> kKindShift & 3); }
inline uint16_t backend_of(uint64_t meta) { return static_cast<uint16_t>(meta & kMaxPinBackend); }

inline uint64_t with_expiry(uint64_t meta, uint64_t expiry) {
  return (meta & ~(kExpiryMask << kExpiryShift)) | (expiry & kExpiryMask) << kExpiryShift;
}

inline uint64_t with_visits(uint64_t meta, unsigned visits) {
  return (meta & ~(3ULL << kVisitsShift)) | uint64_t{visits} << kVisitsShift;
}

inline uint64_t encode(const Pin& pin, KeyKind kind) {
  uint64_t meta = pin.backend | uint64_t{pin.generation} << kGenerationShift;
  meta |= static_cast<uint64_t>(kind) << kKindShift;
  if (pin.away) meta |= kAwayBit;
  if (pin.provisional) meta |= kProvisionalBit;
  if (pin.adopted) meta |= kAdoptedBit;
  return meta;
}

inline Pin pin_of(uint64_t meta) {
  return {backend_of(meta), static_cast<uint16_t>(meta >> kGenerationShift & (kGenerations - 1)),
          (meta & kAwayBit) != 0, (meta & kProvisionalBit) != 0, (meta & kAdoptedBit) != 0};
}

// Rounded up: nothing expires early.
inline uint64_t ticks_of(uint64_t ms) { return std::max<uint64_t>(1, (ms * 2 + 124) / 125); }

// Threads read the clock once for a batch of events, so one may look at an entry with an earlier time than it was
// stored with: 10 s of that are fresh, not past.
inline constexpr uint64_t kSkewTicks = 160;

}  // namespace limpet
