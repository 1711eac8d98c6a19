// The stick table: key → backend, until it expires. Fixed size, allocated once, never grows, expires lazily. Its memory
// is the process's, or that of a file (table_file.h), where it outlives the process.
//
// A slot has 16 bytes, a bucket of two cache lines has seven slots, a key has two candidate buckets and goes to the
// emptier one. Reads take no lock and store nothing (a sequence number per bucket), but wait while the bucket is being
// written; writes lock the key's two buckets in address order. 128 bytes / 7 slots / 0.8 fill = 22.9 bytes an entry.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "affinity_key.h"
#include "function_ref.h"
#include "live_keys.h"
#include "pin.h"
#include "table_file.h"

namespace limpet {

// How a new pin came in, or why not.
enum class Stored : uint8_t { kFree, kEvictedExpired, kEvictedHome, kEvictedAway, kEvictedAged, kRejected };

class StickTable {
 public:
  // Time is given in milliseconds of a monotonic clock and kept in ticks of 62.5 ms; 31 bits of them are 4.2 years.
  static constexpr uint64_t kMaxTtlMs = 365ULL * 24 * 3600 * 1000;

  struct Found {
    Pin pin;
    uint8_t visits = 0;         // 0…3, aged by the clock: halved for each quarter of the ttl without a visit
    uint64_t idle_ms = 0;       // since the pin was last refreshed
    int64_t expires_in_ms = 0;  // negative: past its ttl, kept by a live session
  };

  struct Listed {
    AffinityKey key;
    Found found;
  };

  // What became of the pins in the file.
  struct Restored {
    size_t pins = 0;     // came back
    size_t dropped = 0;  // their backend is not known any more, or keys are made in another way
    size_t torn = 0;     // buckets that were being written, or are damaged: nothing in them was believed
  };

  // `size` is the most entries there ever are. `secret` chooses buckets: random per table, so that nobody can aim keys
  // at one bucket. `live` may be null: then nothing is in use.
  StickTable(size_t size, uint64_t ttl_ms, const Secret& secret, const LiveKeys* live);
  // The table of a file of this size, with what of it can be believed at `now`; see restored().
  StickTable(size_t size, uint64_t ttl_ms, std::unique_ptr<TableFile> file, const LiveKeys* live,
             const TableMoment& now);
  ~StickTable();
  StickTable(const StickTable&) = delete;
  StickTable& operator=(const StickTable&) = delete;

  static constexpr size_t kBucketBytes = 128;
  // Memory of a table of so many entries.
  static size_t bytes_of(size_t size);
  static uint64_t ticks(uint64_t ms) { return ms * 2 / 125; }

  bool usable() const { return buckets_ != nullptr; }
  // Null: it has none.
  TableFile* file() const { return file_.get(); }
  uint64_t hash(const AffinityKey& key) const { return hash_key(key, secret_); }
  void prefetch(uint64_t hash) const;

  // Lock-free. Nothing for expired entries, unless a session of the key lives.
  std::optional<Found> find(const AffinityKey& key, uint64_t hash, uint64_t now_ms) const;

  // Starts the key's ttl anew, if there is an entry, and tells its pin. Takes the lock only when the clock has moved by
  // a tick since.
  std::optional<Pin> refresh(const AffinityKey& key, uint64_t hash, uint64_t now_ms);

  // Both candidate buckets of a key, locked; everything that changes the key's entry goes through here, so that
  // parallel first touches of one key agree. A first touch holds it for its whole placement pass.
  class Locked {
   public:
    Locked(StickTable& table, const AffinityKey& key, uint64_t hash);
    ~Locked();
    Locked(const Locked&) = delete;
    Locked& operator=(const Locked&) = delete;

    std::optional<Found> find(uint64_t now_ms) const;
    // Stores or replaces the key's pin and starts its ttl anew. `visit`: count this as a return of the client.
    Stored store(const Pin& pin, uint64_t now_ms, bool visit) { return store(pin, now_ms, visit, kMaxTtlMs); }
    // The same with less than the table's ttl, which holds until the next use.
    Stored store(const Pin& pin, uint64_t now_ms, bool visit, uint64_t ttl_ms);
    // Starts the ttl anew if there is an entry.
    void refresh(uint64_t now_ms, bool visit);
    void erase();

   private:
    struct At {
      uint32_t bucket;
      unsigned slot;
    };
    std::optional<At> locate() const;
    bool drop_expired(uint64_t now);
    std::optional<At> free_slot() const;
    std::optional<At> victim(uint64_t now, Stored& kind) const;
    void write(const At& at, uint64_t meta);

    StickTable& table_;
    const AffinityKey key_;
    const uint64_t hash_;
    uint32_t first_;
    uint32_t second_;
  };

  // What one call of list() or erase_if() looks at: 1 MiB, well below a millisecond.
  static constexpr uint32_t kBucketsAtOnce = 8192;

  // Entries from bucket `cursor` on, until there are `most`, kBucketsAtOnce were looked at, or the end comes; `cursor`
  // becomes the next bucket, or buckets() at the end. Whole buckets, each consistent in itself.
  std::vector<Listed> list(uint32_t& cursor, size_t most, uint64_t now_ms) const;
  // Calls `visit` for the pin of every entry in `most` buckets at most, spread evenly over the table; returns how many
  // buckets that were. Takes no bucket's lock: an entry that is written meanwhile may be missed, or be seen as it was.
  uint32_t sample_pins(uint32_t most, uint64_t now_ms, FunctionRef<void(const Pin&)> visit) const;
  // Erases from bucket `cursor` on, as list() goes, what `condemned` says true of, which is called under the bucket's
  // lock; returns how many.
  size_t erase_if(uint32_t& cursor, FunctionRef<bool(const AffinityKey&, const Pin&)> condemned);
  void clear();
  // Forgets every pin to a backend index: needed before the generations of that index wrap.
  void forget_backend(uint16_t backend);
  // Forgets pins that came back, to backends that are not there after all.
  void drop_restored(FunctionRef<bool(const Pin&)> is_gone);
  const Restored& restored() const { return restored_; }

  size_t entries() const { return entries_.load(std::memory_order_relaxed); }
  size_t size() const { return size_; }
  uint32_t buckets() const { return bucket_count_; }
  size_t bytes() const { return size_t{bucket_count_} * sizeof(Bucket); }

 private:
  static constexpr unsigned kSlots = 7;
  struct Slot {
    std::atomic<uint64_t> key{0};
    std::atomic<uint64_t> meta{0};  // 0: free
  };
  struct alignas(128) Bucket {
    std::atomic<uint32_t> sequence{0};  // odd: being written
    std::atomic<uint32_t> check{0};     // exclusive or of the slots' checks; kept where there is a file
    std::atomic<uint64_t> tags{0};      // byte i: tag of slot i; 0: free
    Slot slots[kSlots];
  };
  static_assert(sizeof(Bucket) == kBucketBytes);

  struct Copy {
    uint64_t key;
    uint64_t meta;
  };

  uint32_t first_bucket(uint64_t hash) const;
  uint32_t second_bucket(uint64_t hash) const;
  static uint8_t tag(uint64_t hash);
  void lock(uint32_t bucket);
  void unlock(uint32_t bucket);
  uint64_t read_consistent(uint32_t bucket, const AffinityKey& key, uint8_t tag) const;
  uint64_t read_meta(const AffinityKey& key, uint64_t hash) const;
  // The time of the slots, which parameters called `now` are in.
  uint64_t tick(uint64_t now_ms) const { return ticks(now_ms) + clock_offset_; }
  Found decode(uint64_t meta, uint64_t now) const;
  bool expired(uint64_t meta, uint64_t now) const;
  uint64_t left(uint64_t meta, uint64_t now) const;
  bool in_use(const AffinityKey& key) const;
  uint64_t fresh_expiry(uint64_t now) const { return now + ttl_ticks_ + 1; }
  void erase_everywhere(FunctionRef<bool(const AffinityKey&, const Pin&)> condemned);
  unsigned aged_visits(uint64_t meta, uint64_t now) const;
  void set_slot(uint32_t bucket, unsigned slot, uint64_t key, uint64_t meta, uint8_t tag);
  void free_slot_locked(uint32_t bucket, unsigned slot);
  void purge_some(uint64_t now, uint32_t not_a, uint32_t not_b);
  // stick_table_restore.cc
  static uint32_t slot_check(unsigned slot, uint64_t key, uint64_t meta);
  static void change_check(Bucket& bucket, unsigned slot, uint64_t key, uint64_t meta);
  void restore(uint64_t now);
  void restore_bucket(uint32_t bucket, uint64_t now, const std::vector<uint32_t>& generations);
  bool is_whole(uint32_t bucket) const;

  const size_t size_;
  const uint64_t ttl_ticks_;
  const uint64_t clock_offset_ = 0;
  const Secret secret_;
  const LiveKeys* const live_;
  const std::unique_ptr<TableFile> file_;
  uint32_t bucket_count_ = 0;
  Bucket* buckets_ = nullptr;
  size_t mapped_bytes_ = 0;  // of memory of its own
  Restored restored_;
  std::atomic<size_t> entries_{0};
  std::atomic<uint32_t> hand_{0};  // where the next purge looks
};

}  // namespace limpet
