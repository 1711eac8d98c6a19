// What the keys with live sessions are and where those are: the busiest ones, and how many sessions of keys at home at
// one backend are on which. A part of the table at a time, so that no caller is away for long and no pick waits.
#pragma once

#include <cstdint>
#include <vector>

#include "live_keys.h"
#include "pool.h"

namespace limpet {

// A registry index that is none: the key has no home.
inline constexpr uint16_t kNoHome = 0xffff;

struct KeySurvey {
  struct Share {
    uint16_t backend = 0;
    uint32_t sessions = 0;
  };
  struct Hot {
    AffinityKey key;
    uint32_t sessions = 0;
    uint16_t home = kNoHome;
    std::vector<Share> shares;  // by backend
  };
  struct Place {
    uint16_t home = kNoHome;
    uint16_t backend = 0;
    uint64_t sessions = 0;
  };

  uint64_t keys = 0;          // those that are spread excepted
  std::vector<Hot> hottest;   // most sessions first; without those that are spread
  std::vector<Hot> spread;    // hot keys, each once for each of its places that has sessions in this part
  std::vector<Place> places;  // each pair once
};

// One of LiveKeys::kShards parts. As Pool::roster(): by the thread that publishes.
KeySurvey survey_keys(const Pool& pool, unsigned shard, size_t most);

}  // namespace limpet
