#include "live_keys.h"

#include <bit>
#include <mutex>

namespace limpet {

namespace {

// A confirmed pin in 27 bits: generation, index, away.
uint32_t pack(const Pin& pin) {
  return uint32_t{pin.generation} << 15 | uint32_t{pin.backend} << 1 | static_cast<uint32_t>(pin.away);
}
Pin unpack(uint32_t packed) {
  return {static_cast<uint16_t>(packed >> 1 & kMaxPinBackend), static_cast<uint16_t>(packed >> 15), (packed & 1) != 0,
          false};
}

}  // namespace

LiveKeys::LiveKeys(size_t sessions) {
  const size_t cells = std::bit_ceil(sessions * 2 / kShards + 8);
  for (Shard& shard : shards_) shard.cells.resize(cells);
}

LiveKeys::Run LiveKeys::scan(const Shard& shard, const AffinityKey& key, uint64_t hash, uint16_t backend) {
  const size_t mask = shard.cells.size() - 1;
  Run run{0, kNowhere, kNowhere, kNowhere};
  for (size_t at = static_cast<uint32_t>(hash) & mask; shard.cells[at].seats != 0; at = (at + 1) & mask) {
    const Entry& entry = shard.cells[at];
    if (!entry.is(key)) continue;
    if (entry.backend == kOriginMark) {
      run.origin = at;
      continue;
    }
    if (entry.backend == kClaimMark) {
      run.claims = at;
      continue;
    }
    run.seats += entry.seats;
    if (entry.backend == backend) run.backend = at;
  }
  return run;
}

void LiveKeys::insert(Shard& shard, const Entry& entry) {
  if (shard.used * 4 >= shard.cells.size() * 3) grow(shard);
  const size_t mask = shard.cells.size() - 1;
  size_t at = entry.hash & mask;
  while (shard.cells[at].seats != 0) at = (at + 1) & mask;
  shard.cells[at] = entry;
  shard.used++;
}

// Backward shift: closes the gap, so that a probe run never has one and no tombstones pile up.
void LiveKeys::erase(Shard& shard, size_t at) {
  const size_t mask = shard.cells.size() - 1;
  size_t gap = at;
  for (size_t next = (gap + 1) & mask; shard.cells[next].seats != 0; next = (next + 1) & mask) {
    const size_t home = shard.cells[next].hash & mask;
    if (((next - home) & mask) < ((next - gap) & mask)) continue;
    shard.cells[gap] = shard.cells[next];
    gap = next;
  }
  shard.cells[gap] = Entry{};
  shard.used--;
}

void LiveKeys::grow(Shard& shard) {
  std::vector<Entry> old(shard.cells.size() * 2);
  old.swap(shard.cells);
  shard.used = 0;
  for (const Entry& entry : old) {
    if (entry.seats != 0) insert(shard, entry);
  }
}

bool LiveKeys::acquire(const AffinityKey& key, uint64_t hash, uint16_t backend) {
  Shard& own = shard(hash);
  const std::lock_guard lock(own.lock);
  const Run run = scan(own, key, hash, backend);
  if (run.backend != kNowhere) {
    own.cells[run.backend].seats++;
  } else {
    insert(own, {key.value, 1, 0, static_cast<uint32_t>(hash), backend, key.kind});
  }
  return run.seats == 0;
}

void LiveKeys::establish(const AffinityKey& key, uint64_t hash, uint16_t backend) {
  Shard& own = shard(hash);
  const std::lock_guard lock(own.lock);
  const Run run = scan(own, key, hash, backend);
  if (run.backend != kNowhere) own.cells[run.backend].established++;
}

LiveKeys::Released LiveKeys::release(const AffinityKey& key, uint64_t hash, uint16_t backend, bool established) {
  Shard& own = shard(hash);
  const std::lock_guard lock(own.lock);
  Run run = scan(own, key, hash, backend);
  if (run.backend == kNowhere) return {};
  Entry& entry = own.cells[run.backend];
  if (established) entry.established--;
  if (--entry.seats == 0) erase(own, run.backend);
  Released released{run.seats == 1, {}};
  if (!released.last || run.origin == kNowhere) return released;
  run = scan(own, key, hash, backend);  // erase() may have moved it
  released.origin = unpack(own.cells[run.origin].established);
  erase(own, run.origin);
  return released;
}

void LiveKeys::keep_origin(const AffinityKey& key, uint64_t hash, const Pin& pin) {
  Shard& own = shard(hash);
  const std::lock_guard lock(own.lock);
  const Run run = scan(own, key, hash, kOriginMark);
  if (run.seats == 0 || run.origin != kNowhere) return;
  insert(own, {key.value, 1, pack(pin), static_cast<uint32_t>(hash), kOriginMark, key.kind});
}

std::optional<Pin> LiveKeys::origin(const AffinityKey& key, uint64_t hash) const {
  const Shard& own = shard(hash);
  const std::lock_guard lock(own.lock);
  const Run run = scan(own, key, hash, kOriginMark);
  if (run.origin == kNowhere) return std::nullopt;
  return unpack(own.cells[run.origin].established);
}

void LiveKeys::drop_origin(const AffinityKey& key, uint64_t hash) {
  Shard& own = shard(hash);
  const std::lock_guard lock(own.lock);
  const Run run = scan(own, key, hash, kOriginMark);
  if (run.origin != kNowhere) erase(own, run.origin);
}

bool LiveKeys::claim(const AffinityKey& key, uint64_t hash, uint32_t most) {
  Shard& own = shard(hash);
  const std::lock_guard lock(own.lock);
  const Run run = scan(own, key, hash, kClaimMark);
  if (run.claims == kNowhere) {
    insert(own, {key.value, 1, 0, static_cast<uint32_t>(hash), kClaimMark, key.kind});
    return true;
  }
  uint32_t& claimed = own.cells[run.claims].seats;
  if (claimed >= most) return false;
  claimed++;
  return true;
}

void LiveKeys::unclaim(const AffinityKey& key, uint64_t hash) {
  Shard& own = shard(hash);
  const std::lock_guard lock(own.lock);
  const Run run = scan(own, key, hash, kClaimMark);
  if (run.claims != kNowhere && --own.cells[run.claims].seats == 0) erase(own, run.claims);
}

bool LiveKeys::any(const AffinityKey& key, uint64_t hash) const { return count(key, hash) != 0; }

uint32_t LiveKeys::count(const AffinityKey& key, uint64_t hash) const {
  const Shard& own = shard(hash);
  const std::lock_guard lock(own.lock);
  return scan(own, key, hash, kOriginMark).seats;
}

bool LiveKeys::established_on(const AffinityKey& key, uint64_t hash, uint16_t backend) const {
  const Shard& own = shard(hash);
  const std::lock_guard lock(own.lock);
  const Run run = scan(own, key, hash, backend);
  return run.backend != kNowhere && own.cells[run.backend].established != 0;
}

std::vector<LiveKeys::Sessions> LiveKeys::sessions(unsigned shard) const {
  const Shard& one = shards_[shard];
  std::vector<Sessions> all;
  size_t room = 0;
  {
    const std::lock_guard lock(one.lock);
    room = one.used;
  }
  // Picks wait for the lock: memory is asked for without it, with a little more for those who come meanwhile.
  all.reserve(room + room / 8 + 16);
  const std::lock_guard lock(one.lock);
  for (const Entry& entry : one.cells) {
    if (entry.seats == 0 || entry.backend > kMaxPinBackend) continue;
    all.push_back({{entry.key, entry.kind}, entry.backend, entry.seats});
  }
  return all;
}

std::vector<AffinityKey> LiveKeys::keys(unsigned shard) const {
  const Shard& one = shards_[shard];
  std::vector<AffinityKey> keys;
  const std::lock_guard lock(one.lock);
  for (const Entry& entry : one.cells) {
    if (entry.seats != 0 && entry.backend != kOriginMark) keys.push_back({entry.key, entry.kind});
  }
  return keys;
}

}  // namespace limpet
