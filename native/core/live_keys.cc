#include "live_keys.h"

#include <bit>
#include <mutex>

namespace limpet {

namespace {
constexpr uint16_t kAnyBackend = 0xffff;
}

LiveKeys::LiveKeys(size_t sessions) {
  const size_t cells = std::bit_ceil(sessions * 2 / kShards + 8);
  for (Shard& shard : shards_) shard.cells.resize(cells);
}

uint32_t LiveKeys::scan(const Shard& shard, const AffinityKey& key, uint32_t hash, uint16_t backend,
                        const Entry** exact) {
  const size_t mask = shard.cells.size() - 1;
  uint32_t total = 0;
  *exact = nullptr;
  for (size_t at = hash & mask; shard.cells[at].seats != 0; at = (at + 1) & mask) {
    const Entry& entry = shard.cells[at];
    if (!entry.is(key)) continue;
    total += entry.seats;
    if (entry.backend == backend) *exact = &entry;
  }
  return total;
}

void LiveKeys::insert(Shard& shard, const Entry& entry) {
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
  const auto cell_hash = static_cast<uint32_t>(hash);
  const std::lock_guard lock(own.lock);
  const Entry* exact;
  const uint32_t before = scan(own, key, cell_hash, backend, &exact);
  if (exact) {
    const_cast<Entry*>(exact)->seats++;
    return before == 0;
  }
  if (own.used * 4 >= own.cells.size() * 3) grow(own);
  insert(own, {key.value, 1, 0, backend, key.kind, cell_hash});
  return before == 0;
}

void LiveKeys::establish(const AffinityKey& key, uint64_t hash, uint16_t backend) {
  Shard& own = shard(hash);
  const std::lock_guard lock(own.lock);
  const Entry* exact;
  scan(own, key, static_cast<uint32_t>(hash), backend, &exact);
  if (exact) const_cast<Entry*>(exact)->established++;
}

bool LiveKeys::release(const AffinityKey& key, uint64_t hash, uint16_t backend, bool established) {
  Shard& own = shard(hash);
  const std::lock_guard lock(own.lock);
  const Entry* exact;
  const uint32_t before = scan(own, key, static_cast<uint32_t>(hash), backend, &exact);
  if (!exact) return before == 0;
  auto* entry = const_cast<Entry*>(exact);
  if (established) entry->established--;
  if (--entry->seats == 0) {
    entry->seats = 1;  // erase() walks over occupied cells
    erase(own, static_cast<size_t>(entry - own.cells.data()));
  }
  return before == 1;
}

bool LiveKeys::any(const AffinityKey& key, uint64_t hash) const { return count(key, hash) != 0; }

uint32_t LiveKeys::count(const AffinityKey& key, uint64_t hash) const {
  const Shard& own = shard(hash);
  const std::lock_guard lock(own.lock);
  const Entry* exact;
  return scan(own, key, static_cast<uint32_t>(hash), kAnyBackend, &exact);
}

bool LiveKeys::established_on(const AffinityKey& key, uint64_t hash, uint16_t backend) const {
  const Shard& own = shard(hash);
  const std::lock_guard lock(own.lock);
  const Entry* exact;
  scan(own, key, static_cast<uint32_t>(hash), backend, &exact);
  return exact && exact->established != 0;
}

}  // namespace limpet
