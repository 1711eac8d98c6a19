#include "stick_table.h"

#include <sys/mman.h>

#include <algorithm>
#include <bit>

#include "spin_lock.h"
#include "stick_slot.h"

namespace limpet {

namespace {

// Buckets that an insertion into a full table looks through for expired entries: a bound on its work.
constexpr unsigned kPurgeBuckets = 4;

}  // namespace

StickTable::StickTable(size_t size, uint64_t ttl_ms, const Secret& secret, const LiveKeys* live)
    : size_(size), ttl_ticks_(ticks_of(ttl_ms)), secret_(secret), live_(live) {
  mapped_bytes_ = bytes_of(size);
  void* memory = mmap(nullptr, mapped_bytes_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return;
#ifdef MADV_HUGEPAGE
  madvise(memory, mapped_bytes_, MADV_HUGEPAGE);  // a hint: a look-up is two cache misses, and should be no TLB miss
#endif
  buckets_ = static_cast<Bucket*>(memory);  // zero pages are empty buckets
  bucket_count_ = static_cast<uint32_t>(mapped_bytes_ / sizeof(Bucket));
}

StickTable::StickTable(size_t size, uint64_t ttl_ms, std::unique_ptr<TableFile> file, const LiveKeys* live,
                       const TableMoment& now)
    : size_(size),
      ttl_ticks_(ticks_of(ttl_ms)),
      clock_offset_(file->clock_offset()),
      secret_(file->secret()),
      live_(live),
      file_(std::move(file)),
      bucket_count_(static_cast<uint32_t>(bytes_of(size) / sizeof(Bucket))),
      buckets_(static_cast<Bucket*>(file_->buckets())) {
  restore(tick(now.monotonic_ms));
  file_->begin(now);
}

size_t StickTable::bytes_of(size_t size) {
  // 80 % fill at `size` entries: two choices of seven then lose 0.07 % to conflicts.
  const size_t slots = size + size / 4 + 1;
  return std::max<size_t>(2, (slots + kSlots - 1) / kSlots) * sizeof(Bucket);
}

StickTable::~StickTable() {
  if (mapped_bytes_ != 0 && buckets_) munmap(buckets_, mapped_bytes_);
}

uint32_t StickTable::first_bucket(uint64_t hash) const {
  return static_cast<uint32_t>((hash >> 32) * bucket_count_ >> 32);
}

uint32_t StickTable::second_bucket(uint64_t hash) const {
  const auto second = static_cast<uint32_t>((hash & 0xffffffffULL) * bucket_count_ >> 32);
  if (second != first_bucket(hash)) return second;
  return second + 1 == bucket_count_ ? 0 : second + 1;
}

// From bits mixed of both halves: independent of either bucket's number. Never 0, which marks a free slot.
uint8_t StickTable::tag(uint64_t hash) {
  const auto byte = static_cast<uint8_t>(hash * 0x9e3779b97f4a7c15ULL >> 56);
  return byte == 0 ? 1 : byte;
}

void StickTable::prefetch(uint64_t hash) const {
  for (const uint32_t bucket : {first_bucket(hash), second_bucket(hash)}) {
    __builtin_prefetch(&buckets_[bucket]);
    __builtin_prefetch(&buckets_[bucket].slots[kSlots - 1]);
  }
}

void StickTable::lock(uint32_t bucket) {
  auto& sequence = buckets_[bucket].sequence;
  unsigned spins = 0;
  for (;;) {
    uint32_t seen = sequence.load(std::memory_order_relaxed);
    if ((seen & 1) == 0 &&
        sequence.compare_exchange_weak(seen, seen + 1, std::memory_order_acquire, std::memory_order_relaxed)) {
      return;
    }
    spin_pause(spins);
  }
}

void StickTable::unlock(uint32_t bucket) {
  auto& sequence = buckets_[bucket].sequence;
  sequence.store(sequence.load(std::memory_order_relaxed) + 1, std::memory_order_release);
}

// The key's meta word in a bucket, 0 if it is not there; a consistent answer without a lock. Acquire loads of the data
// keep the second look at the sequence behind them, and release stores in set_slot() keep theirs behind the first.
uint64_t StickTable::read_consistent(uint32_t index, const AffinityKey& key, uint8_t tag) const {
  const Bucket& bucket = buckets_[index];
  unsigned spins = 0;
  for (;;) {
    const uint32_t before = bucket.sequence.load(std::memory_order_acquire);
    if ((before & 1) == 0) {
      const uint64_t tags = bucket.tags.load(std::memory_order_acquire);
      uint64_t found = 0;
      for (unsigned i = 0; i < kSlots && found == 0; i++) {
        if (static_cast<uint8_t>(tags >> (8 * i)) != tag) continue;
        const uint64_t slot_key = bucket.slots[i].key.load(std::memory_order_acquire);
        const uint64_t meta = bucket.slots[i].meta.load(std::memory_order_acquire);
        if (slot_key == key.value && kind_of(meta) == key.kind) found = meta;
      }
      if (bucket.sequence.load(std::memory_order_relaxed) == before) return found;
    }
    spin_pause(spins);
  }
}

// Distances are taken modulo 2^31 ticks: what is left of a live entry is at most the ttl and what clocks differ by,
// anything else is past.
bool StickTable::expired(uint64_t meta, uint64_t now) const {
  const uint64_t ticks = left(meta, now);
  return ticks == 0 || ticks > ttl_ticks_ + 1 + kSkewTicks;
}

uint64_t StickTable::left(uint64_t meta, uint64_t now) const { return ((meta >> kExpiryShift) - now) & kExpiryMask; }

unsigned StickTable::aged_visits(uint64_t meta, uint64_t now) const {
  if (expired(meta, now)) return 0;
  const uint64_t idle = ttl_ticks_ + 1 - std::min(left(meta, now), ttl_ticks_ + 1);
  const uint64_t halvings = idle * 4 / (ttl_ticks_ + 1);
  return visits_of(meta) >> std::min<uint64_t>(halvings, 2);
}

StickTable::Found StickTable::decode(uint64_t meta, uint64_t now) const {
  const bool past = expired(meta, now);
  const uint64_t ticks = past ? 0 : std::min(left(meta, now), ttl_ticks_ + 1);
  Found found;
  found.pin = pin_of(meta);
  found.visits = static_cast<uint8_t>(aged_visits(meta, now));
  found.idle_ms = (ttl_ticks_ + 1 - ticks) * 125 / 2;
  found.expires_in_ms = past ? -1 : static_cast<int64_t>(ticks * 125 / 2);
  return found;
}

bool StickTable::in_use(const AffinityKey& key) const { return live_ && live_->any(key, hash(key)); }

uint64_t StickTable::read_meta(const AffinityKey& key, uint64_t hash) const {
  const uint8_t wanted = tag(hash);
  const uint64_t meta = read_consistent(first_bucket(hash), key, wanted);
  return meta != 0 ? meta : read_consistent(second_bucket(hash), key, wanted);
}

std::optional<Pin> StickTable::refresh(const AffinityKey& key, uint64_t hash, uint64_t now_ms) {
  const uint64_t meta = read_meta(key, hash);
  if (meta == 0) return std::nullopt;
  if (with_expiry(meta, fresh_expiry(tick(now_ms))) != meta) Locked(*this, key, hash).refresh(now_ms, false);
  return pin_of(meta);
}

std::optional<StickTable::Found> StickTable::find(const AffinityKey& key, uint64_t hash, uint64_t now_ms) const {
  const uint64_t now = tick(now_ms);
  const uint64_t meta = read_meta(key, hash);
  if (meta == 0 || (expired(meta, now) && !in_use(key))) return std::nullopt;
  return decode(meta, now);
}

// Under the bucket's lock.
void StickTable::set_slot(uint32_t index, unsigned slot, uint64_t key, uint64_t meta, uint8_t tag) {
  Bucket& bucket = buckets_[index];
  const uint64_t shift = 8 * slot;
  const uint64_t tags = bucket.tags.load(std::memory_order_relaxed);
  if (file_) [[unlikely]]
    change_check(bucket, slot, key, meta);
  bucket.tags.store((tags & ~(0xffULL << shift)) | uint64_t{tag} << shift, std::memory_order_release);
  bucket.slots[slot].key.store(key, std::memory_order_release);
  bucket.slots[slot].meta.store(meta, std::memory_order_release);
}

void StickTable::free_slot_locked(uint32_t bucket, unsigned slot) {
  set_slot(bucket, slot, 0, 0, 0);
  entries_.fetch_sub(1, std::memory_order_relaxed);
}

// A full table whose candidates hold nothing expired: looks at a few other buckets, so that dead entries elsewhere do
// not keep new keys out. Only buckets that are free to lock: the caller holds two.
void StickTable::purge_some(uint64_t now, uint32_t not_a, uint32_t not_b) {
  for (unsigned step = 0; step < kPurgeBuckets; step++) {
    const uint32_t index = hand_.fetch_add(1, std::memory_order_relaxed) % bucket_count_;
    if (index == not_a || index == not_b) continue;
    auto& sequence = buckets_[index].sequence;
    uint32_t seen = sequence.load(std::memory_order_relaxed);
    if ((seen & 1) != 0 || !sequence.compare_exchange_strong(seen, seen + 1, std::memory_order_acquire)) continue;
    for (unsigned slot = 0; slot < kSlots; slot++) {
      const uint64_t meta = buckets_[index].slots[slot].meta.load(std::memory_order_relaxed);
      if (meta == 0 || !expired(meta, now)) continue;
      const AffinityKey key{buckets_[index].slots[slot].key.load(std::memory_order_relaxed), kind_of(meta)};
      if (!in_use(key)) free_slot_locked(index, slot);
    }
    unlock(index);
  }
}

std::vector<StickTable::Listed> StickTable::list(uint32_t& cursor, size_t most, uint64_t now_ms) const {
  const uint64_t now = tick(now_ms);
  std::vector<Listed> listed;
  auto* self = const_cast<StickTable*>(this);  // the lock is not part of what is listed
  const uint32_t end = cursor + std::min(kBucketsAtOnce, bucket_count_ - std::min(cursor, bucket_count_));
  for (; cursor < end && listed.size() < most; cursor++) {
    self->lock(cursor);
    Copy copies[kSlots];
    for (unsigned i = 0; i < kSlots; i++) {
      const Slot& slot = buckets_[cursor].slots[i];
      copies[i] = {slot.key.load(std::memory_order_relaxed), slot.meta.load(std::memory_order_relaxed)};
    }
    self->unlock(cursor);
    for (const Copy& copy : copies) {
      const AffinityKey key{copy.key, kind_of(copy.meta)};
      if (copy.meta == 0 || (expired(copy.meta, now) && !in_use(key))) continue;
      listed.push_back({key, decode(copy.meta, now)});
    }
  }
  return listed;
}

uint32_t StickTable::sample_pins(uint32_t most, uint64_t now_ms, FunctionRef<void(const Pin&)> visit) const {
  const uint64_t now = tick(now_ms);
  const uint32_t count = std::min(most, bucket_count_);
  for (uint64_t i = 0; i < count; i++) {
    for (const Slot& slot : buckets_[i * bucket_count_ / count].slots) {
      const uint64_t meta = slot.meta.load(std::memory_order_relaxed);
      if (meta == 0) continue;
      const AffinityKey key{slot.key.load(std::memory_order_relaxed), kind_of(meta)};
      if (!expired(meta, now) || in_use(key)) visit(pin_of(meta));
    }
  }
  return count;
}

size_t StickTable::erase_if(uint32_t& cursor, FunctionRef<bool(const AffinityKey&, const Pin&)> condemned) {
  size_t erased = 0;
  const uint32_t end = cursor + std::min(kBucketsAtOnce, bucket_count_ - std::min(cursor, bucket_count_));
  for (; cursor < end; cursor++) {
    lock(cursor);
    for (unsigned slot = 0; slot < kSlots; slot++) {
      const Slot& entry = buckets_[cursor].slots[slot];
      const uint64_t meta = entry.meta.load(std::memory_order_relaxed);
      if (meta == 0) continue;
      const AffinityKey key{entry.key.load(std::memory_order_relaxed), kind_of(meta)};
      if (!condemned(key, pin_of(meta))) continue;
      free_slot_locked(cursor, slot);
      erased++;
    }
    unlock(cursor);
  }
  return erased;
}

void StickTable::erase_everywhere(FunctionRef<bool(const AffinityKey&, const Pin&)> condemned) {
  for (uint32_t cursor = 0; cursor < bucket_count_;) erase_if(cursor, condemned);
}

void StickTable::clear() {
  erase_everywhere([](const AffinityKey&, const Pin&) { return true; });
}

void StickTable::forget_backend(uint16_t backend) {
  erase_everywhere([=](const AffinityKey&, const Pin& pin) { return pin.backend == backend; });
}

StickTable::Locked::Locked(StickTable& table, const AffinityKey& key, uint64_t hash)
    : table_(table), key_(key), hash_(hash), first_(table.first_bucket(hash)), second_(table.second_bucket(hash)) {
  table_.lock(std::min(first_, second_));
  table_.lock(std::max(first_, second_));
}

StickTable::Locked::~Locked() {
  table_.unlock(std::max(first_, second_));
  table_.unlock(std::min(first_, second_));
}

std::optional<StickTable::Locked::At> StickTable::Locked::locate() const {
  const uint8_t wanted = tag(hash_);
  for (const uint32_t index : {first_, second_}) {
    const Bucket& bucket = table_.buckets_[index];
    const uint64_t tags = bucket.tags.load(std::memory_order_relaxed);
    for (unsigned i = 0; i < kSlots; i++) {
      if (static_cast<uint8_t>(tags >> (8 * i)) != wanted) continue;
      const uint64_t meta = bucket.slots[i].meta.load(std::memory_order_relaxed);
      if (bucket.slots[i].key.load(std::memory_order_relaxed) == key_.value && kind_of(meta) == key_.kind) {
        return At{index, i};
      }
    }
  }
  return std::nullopt;
}

// Whether there were any. Left in place they would count as occupied, and the emptier bucket not be found: 2 % of the
// entries then go to conflicts, instead of 0.07 %.
bool StickTable::Locked::drop_expired(uint64_t now) {
  bool dropped = false;
  for (const uint32_t index : {first_, second_}) {
    for (unsigned i = 0; i < kSlots; i++) {
      const Slot& slot = table_.buckets_[index].slots[i];
      const uint64_t meta = slot.meta.load(std::memory_order_relaxed);
      if (meta == 0 || !table_.expired(meta, now)) continue;
      if (table_.in_use({slot.key.load(std::memory_order_relaxed), kind_of(meta)})) continue;
      table_.free_slot_locked(index, i);
      dropped = true;
    }
  }
  return dropped;
}

// In the emptier bucket.
std::optional<StickTable::Locked::At> StickTable::Locked::free_slot() const {
  std::optional<At> best;
  unsigned best_free = 0;
  for (const uint32_t index : {first_, second_}) {
    unsigned free = 0;
    unsigned at = 0;
    for (unsigned i = 0; i < kSlots; i++) {
      if (table_.buckets_[index].slots[i].meta.load(std::memory_order_relaxed) != 0) continue;
      free++;
      at = i;
    }
    if (free > best_free) {
      best_free = free;
      best = At{index, at};
    }
  }
  return best;
}

// Expired; at home, never visited again; off home, never visited again; visited, but aged to nothing. Entries whose key
// has a live session are no victims.
std::optional<StickTable::Locked::At> StickTable::Locked::victim(uint64_t now, Stored& kind) const {
  std::optional<At> best;
  uint64_t best_left = 0;
  kind = Stored::kRejected;
  for (const uint32_t index : {first_, second_}) {
    for (unsigned i = 0; i < kSlots; i++) {
      const Slot& slot = table_.buckets_[index].slots[i];
      const uint64_t meta = slot.meta.load(std::memory_order_relaxed);
      if (meta == 0) continue;
      Stored rank = Stored::kRejected;
      if (table_.expired(meta, now)) {
        rank = Stored::kEvictedExpired;
      } else if (visits_of(meta) == 0) {
        rank = (meta & kAwayBit) == 0 ? Stored::kEvictedHome : Stored::kEvictedAway;
      } else if (table_.aged_visits(meta, now) == 0) {
        rank = Stored::kEvictedAged;
      }
      // Among equals the one that expires first, or newcomers would evict each other and the old never leave.
      const uint64_t left = table_.left(meta, now);
      if (rank > kind || (rank == kind && (!best || left >= best_left))) continue;
      if (table_.in_use({slot.key.load(std::memory_order_relaxed), kind_of(meta)})) continue;
      kind = rank;
      best_left = left;
      best = At{index, i};
    }
  }
  return best;
}

std::optional<StickTable::Found> StickTable::Locked::find(uint64_t now_ms) const {
  const auto at = locate();
  if (!at) return std::nullopt;
  const uint64_t now = table_.tick(now_ms);
  const uint64_t meta = table_.buckets_[at->bucket].slots[at->slot].meta.load(std::memory_order_relaxed);
  if (table_.expired(meta, now) && !table_.in_use(key_)) return std::nullopt;
  return table_.decode(meta, now);
}

void StickTable::Locked::write(const At& at, uint64_t meta) {
  table_.set_slot(at.bucket, at.slot, key_.value, meta, tag(hash_));
}

Stored StickTable::Locked::store(const Pin& pin, uint64_t now_ms, bool visit, uint64_t ttl_ms) {
  const uint64_t now = table_.tick(now_ms);
  const uint64_t expiry = now + std::min(ticks_of(ttl_ms), table_.ttl_ticks_) + 1;
  const uint64_t meta = with_expiry(encode(pin, key_.kind), expiry);
  if (const auto at = locate()) {
    const uint64_t old = table_.buckets_[at->bucket].slots[at->slot].meta.load(std::memory_order_relaxed);
    const unsigned visits = table_.aged_visits(old, now) + (visit ? 1 : 0);
    write(*at, with_visits(meta, std::min(visits, kMaxVisits)));
    return Stored::kFree;
  }
  Stored kind = drop_expired(now) ? Stored::kEvictedExpired : Stored::kFree;
  std::optional<At> at;
  if (table_.entries() >= table_.size()) {
    table_.purge_some(now, first_, second_);
  }
  // Claiming the entry before the slot keeps the count at or below the size with any number of writers.
  if (table_.entries_.fetch_add(1, std::memory_order_relaxed) < table_.size()) at = free_slot();
  if (!at) {
    table_.entries_.fetch_sub(1, std::memory_order_relaxed);
    at = victim(now, kind);
    if (!at) return Stored::kRejected;
  }
  write(*at, meta);
  return kind;
}

void StickTable::Locked::refresh(uint64_t now_ms, bool visit) {
  const auto at = locate();
  if (!at) return;
  const uint64_t now = table_.tick(now_ms);
  const uint64_t old = table_.buckets_[at->bucket].slots[at->slot].meta.load(std::memory_order_relaxed);
  // A session that ends does not age its own visits: it was here all the time.
  const unsigned visits = visit ? std::min(table_.aged_visits(old, now) + 1, kMaxVisits) : visits_of(old);
  const uint64_t meta = with_visits(with_expiry(old & ~kAdoptedBit, table_.fresh_expiry(now)), visits);
  if (meta != old) write(*at, meta);
}

void StickTable::Locked::erase() {
  if (const auto at = locate()) table_.free_slot_locked(at->bucket, at->slot);
}

}  // namespace limpet
