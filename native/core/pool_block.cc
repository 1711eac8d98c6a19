// `ipv6Prefix: auto`. Keys are /64s, and all /64s of a block have one home: a subscriber who takes them one after the
// other comes home with each. Where the block's clients are not at home (home was full, or down), a pin of the block
// says where one of them was last, so that its next /64 goes there as well. It is a hint, which only who has no pin of
// its own looks at, and which obeys the bound; what was not pinned away needs none.
#include "assignment.h"
#include "pool.h"

namespace limpet {

namespace {

// Separates pins of blocks from byte keys of the same content.
constexpr uint64_t kBlockDomain = 0x6c696d70626c6f63ULL;

}  // namespace

AffinityKey Pool::block_key(const AffinityKey& key) const {
  return {hash_key(home_key(key, rules_.keys), rules_.keys.secret) ^ kBlockDomain, KeyKind::kHashed};
}

// Takes no lock, but waits for whoever writes there: not while buckets of the table are locked.
const RosterEntry* Pool::block_pin(const AffinityKey& key, uint64_t now_ms) const {
  if (!has_block(key) || !table_) return nullptr;
  // Who would go home from a pin of its own goes there at once.
  if (return_home_.load(std::memory_order_relaxed) != ReturnHome::kNever) return nullptr;
  const AffinityKey block = block_key(key);
  const auto found = table_->find(block, table_->hash(block), now_ms);
  const RosterEntry* const entry = found ? roster().find(found->pin.backend, found->pin.generation) : nullptr;
  return entry && entry->eligible() ? entry : nullptr;
}

bool Pool::follow_block(const RosterEntry& entry, Seat& seat) {
  await_turn();
  Assignment assignment(*this, roster(), seat);
  if (!assignment.run_at(entry)) return false;
  occupy(seat, entry, Reason::kPin);
  return true;
}

// The key has this pin now. `thread` counts what had to go for that of its block; null at a session's end, where nobody
// does.
void Pool::note_block(Thread* thread, const AffinityKey& key, const Pin& pin, uint64_t now_ms) {
  if (!has_block(key)) return;
  const AffinityKey block = block_key(key);
  const uint64_t hash = table_->hash(block);
  if (pin.away) {
    const Pin there{pin.backend, pin.generation, true, false};
    const Stored stored = StickTable::Locked(*table_, block, hash).store(there, now_ms, false);
    if (thread && stored != Stored::kFree) count(*thread, eviction_counter(stored));
  } else if (table_->find(block, hash, now_ms)) {
    StickTable::Locked(*table_, block, hash).erase();
  }
}

void Pool::forget_block(const AffinityKey& key) {
  if (!has_block(key)) return;
  const AffinityKey block = block_key(key);
  StickTable::Locked(*table_, block, table_->hash(block)).erase();
}

}  // namespace limpet
