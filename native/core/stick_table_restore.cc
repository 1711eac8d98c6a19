// The check values of a table in a file, and what of it is believed when it is opened, before any other thread sees it.
#include <algorithm>
#include <new>

#include "stick_slot.h"
#include "stick_table.h"

namespace limpet {

namespace {

constexpr uint32_t kNoGeneration = UINT32_MAX;

}  // namespace

// Of one slot; 0 of a free one, so that the zero pages of a new file are whole. The exclusive or of a bucket's tells a
// torn one: a product of key and meta, both moved by the slot, in which every bit of one is in most bits of the result
// (the multiplication of wyhash).
uint32_t StickTable::slot_check(unsigned slot, uint64_t key, uint64_t meta) {
  if (meta == 0) return 0;
  __extension__ using Wide = unsigned __int128;
  const Wide product = Wide{key ^ (0xa0761d6478bd642fULL + slot)} * (meta ^ 0xe7037ed1a0b428dbULL);
  const uint64_t folded = static_cast<uint64_t>(product >> 64) ^ static_cast<uint64_t>(product);
  return static_cast<uint32_t>(folded >> 32 ^ folded);
}

// Before the slot is written, under the bucket's lock.
void StickTable::change_check(Bucket& bucket, unsigned slot, uint64_t key, uint64_t meta) {
  const uint64_t old_key = bucket.slots[slot].key.load(std::memory_order_relaxed);
  const uint64_t old_meta = bucket.slots[slot].meta.load(std::memory_order_relaxed);
  const uint32_t check = bucket.check.load(std::memory_order_relaxed);
  bucket.check.store(check ^ slot_check(slot, old_key, old_meta) ^ slot_check(slot, key, meta),
                     std::memory_order_relaxed);
}

void StickTable::restore(uint64_t now) {
  std::vector<uint32_t> generations(size_t{kMaxPinBackend} + 1, kNoGeneration);
  file_->each_name([&](uint16_t index, uint16_t generation, std::string_view name) {
    if (!name.empty()) generations[index] = generation;
  });
  for (uint32_t bucket = 0; bucket < bucket_count_; bucket++) restore_bucket(bucket, now, generations);
  restored_.pins = entries();
}

// Nobody was writing it, its check value fits, and every entry is where a look-up would look for it.
bool StickTable::is_whole(uint32_t index) const {
  const Bucket& bucket = buckets_[index];
  if ((bucket.sequence.load(std::memory_order_relaxed) & 1) != 0) return false;
  const uint64_t tags = bucket.tags.load(std::memory_order_relaxed);
  uint32_t check = 0;
  for (unsigned slot = 0; slot < kSlots; slot++) {
    const uint64_t key = bucket.slots[slot].key.load(std::memory_order_relaxed);
    const uint64_t meta = bucket.slots[slot].meta.load(std::memory_order_relaxed);
    const auto found_tag = static_cast<uint8_t>(tags >> (8 * slot));
    if (meta == 0 && (key != 0 || found_tag != 0)) return false;
    if (meta == 0) continue;
    check ^= slot_check(slot, key, meta);
    const uint64_t of_key = hash({key, kind_of(meta)});
    if (kind_of(meta) == KeyKind::kNone || found_tag != tag(of_key)) return false;
    if (index != first_bucket(of_key) && index != second_bucket(of_key)) return false;
  }
  return tags >> (8 * kSlots) == 0 && check == bucket.check.load(std::memory_order_relaxed);
}

void StickTable::restore_bucket(uint32_t index, uint64_t now, const std::vector<uint32_t>& generations) {
  Bucket& bucket = buckets_[index];
  if (!is_whole(index)) {
    restored_.torn++;
    new (&bucket) Bucket;
    return;
  }
  const uint64_t saved_ttl = ticks_of(file_->saved_ttl());
  for (unsigned slot = 0; slot < kSlots; slot++) {
    const uint64_t meta = bucket.slots[slot].meta.load(std::memory_order_relaxed);
    if (meta == 0) continue;
    entries_.fetch_add(1, std::memory_order_relaxed);
    const Pin pin = pin_of(meta);
    const uint64_t ticks_left = left(meta, now);
    const bool past = ticks_left == 0 || ticks_left > saved_ttl + 1 + kSkewTicks;
    const bool known = generations[pin.backend] == pin.generation && file_->same_keys(kind_of(meta));
    if (!past && !known) restored_.dropped++;
    if (past || !known) {
      free_slot_locked(index, slot);
    } else if (ticks_left > ttl_ticks_ + 1) {
      // Of a time in which the ttl was longer: to the present one, or it would pass for long past.
      const uint64_t key = bucket.slots[slot].key.load(std::memory_order_relaxed);
      const auto same_tag = static_cast<uint8_t>(bucket.tags.load(std::memory_order_relaxed) >> (8 * slot));
      set_slot(index, slot, key, with_expiry(meta, fresh_expiry(now)), same_tag);
    }
  }
}

void StickTable::drop_restored(FunctionRef<bool(const Pin&)> is_gone) {
  size_t dropped = 0;
  for (uint32_t cursor = 0; cursor < bucket_count_;) {
    dropped += erase_if(cursor, [&](const AffinityKey&, const Pin& pin) { return is_gone(pin); });
  }
  restored_.dropped += dropped;
  restored_.pins -= std::min(dropped, restored_.pins);
}

}  // namespace limpet
