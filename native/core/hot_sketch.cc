#include "hot_sketch.h"

#include <algorithm>
#include <utility>

namespace limpet {

namespace {

// Far below what a count can hold; reached only by more sessions of a key within a half-life than a process can serve.
constexpr uint32_t kMostCount = 1U << 30;
// More half-lives than a count has bits.
constexpr uint64_t kMostHalvings = 32;

}  // namespace

HotSketch::HotSketch() {
  chains_.fill(kNone);
  for (Index i = 0; i < kCounters; i++) {
    order_[i] = i;
    counters_[i].place = i;
  }
  regroup({});
}

HotSketch::Count HotSketch::add(const AffinityKey& key, uint64_t hash, uint64_t now_ms) {
  age(now_ms);
  total_++;
  const auto chain = static_cast<Index>(hash % kChains);
  Index at = find(key, chain);
  if (at == kNone) at = take_rarest(key, chain);
  if (groups_[counters_[at].group].count >= kMostCount) halve();
  raise(at);
  return {groups_[counters_[at].group].count, counters_[at].error};
}

HotSketch::Count HotSketch::of(const AffinityKey& key, uint64_t hash) const {
  const Index at = find(key, static_cast<Index>(hash % kChains));
  if (at == kNone) return {};
  return {groups_[counters_[at].group].count, counters_[at].error};
}

HotSketch::Index HotSketch::find(const AffinityKey& key, Index chain) const {
  Index at = chains_[chain];
  while (at != kNone && counters_[at].key != key) at = counters_[at].next;
  return at;
}

HotSketch::Index HotSketch::take_rarest(const AffinityKey& key, Index chain) {
  const Index at = order_[0];
  Counter& counter = counters_[at];
  if (counter.chain != kNone) unlink(at);
  counter.key = key;
  counter.error = groups_[counter.group].count;
  counter.chain = chain;
  counter.next = chains_[chain];
  chains_[chain] = at;
  return at;
}

void HotSketch::unlink(Index at) {
  Index* link = &chains_[counters_[at].chain];
  while (*link != at) link = &counters_[*link].next;
  *link = counters_[at].next;
}

// It becomes the last of its group, and from there the first of the next one.
void HotSketch::raise(Index at) {
  const Index from = counters_[at].group;
  Group& old = groups_[from];
  const uint32_t count = old.count + 1;
  const auto last = static_cast<Index>(old.end - 1);
  swap_places(counters_[at].place, last);
  old.end = last;
  if (old.begin == old.end) free_groups_[free_++] = from;
  const auto next = static_cast<Index>(last + 1);
  const Index after = next < kCounters ? counters_[order_[next]].group : kNone;
  if (after != kNone && groups_[after].count == count) {
    groups_[after].begin = last;
    counters_[at].group = after;
  } else {
    counters_[at].group = new_group(count, last, next);
  }
}

void HotSketch::swap_places(Index left, Index right) {
  std::swap(order_[left], order_[right]);
  counters_[order_[left]].place = left;
  counters_[order_[right]].place = right;
}

HotSketch::Index HotSketch::new_group(uint32_t count, Index begin, Index end) {
  const Index group = free_groups_[--free_];
  groups_[group] = {count, begin, end};
  return group;
}

void HotSketch::age(uint64_t now_ms) {
  if (halved_ms_ == 0) halved_ms_ = now_ms;
  if (now_ms < halved_ms_ + kHalfLifeMs) return;
  const uint64_t halvings = (now_ms - halved_ms_) / kHalfLifeMs;
  halved_ms_ += halvings * kHalfLifeMs;
  for (uint64_t i = 0; i < std::min(halvings, kMostHalvings); i++) halve();
}

// Half of an error rounds up, so that what a key has at least is never too high.
void HotSketch::halve() {
  total_ /= 2;
  Counts counts;
  for (Index i = 0; i < kCounters; i++) {
    Counter& counter = counters_[i];
    counts[i] = groups_[counter.group].count / 2;
    counter.error = std::min(counter.error - counter.error / 2, counts[i]);
  }
  // Keeps the order: only groups of 2n and 2n + 1 become one.
  regroup(counts);
}

// All groups anew, of the counts of the counters; order_ is by them already.
void HotSketch::regroup(const Counts& counts) {
  free_ = 0;
  for (Index i = kCounters; i > 0; i--) free_groups_[free_++] = static_cast<Index>(i - 1);
  for (Index begin = 0; begin < kCounters;) {
    const uint32_t count = counts[order_[begin]];
    Index end = begin;
    while (end < kCounters && counts[order_[end]] == count) end++;
    const Index group = new_group(count, begin, end);
    for (Index i = begin; i < end; i++) counters_[order_[i]].group = group;
    begin = end;
  }
}

}  // namespace limpet
