#include "registry.h"

#include <algorithm>

namespace limpet {

int Registry::claim_index(const std::string& name, StickTable* table) {
  const auto known = remembered_.find(name);
  if (known != remembered_.end()) {
    const uint16_t index = known->second;
    remembered_.erase(known);
    return index;
  }
  if (by_index_.size() >= kMaxIndexes && free_indexes_.empty() && table) forget_remembered(*table);
  if (!free_indexes_.empty()) {
    const uint16_t index = free_indexes_.back();
    free_indexes_.pop_back();
    // Generations wrap: pins of the index from 4,096 backends ago would be believed.
    if (next_generation_[index] == 0 && table) table->forget_backend(index);
    return index;
  }
  if (by_index_.size() >= kMaxIndexes) return -1;
  by_index_.emplace_back();
  next_generation_.push_back(0);
  return static_cast<int>(by_index_.size() - 1);
}

void Registry::adopt(const TableFile& file) {
  const std::lock_guard lock(mutex_);
  file.each_name([&](uint16_t index, uint16_t generation, std::string_view name) {
    if (index >= kMaxIndexes) return;
    // What lies between is not known: there are no pins to it.
    while (by_index_.size() <= index) {
      if (by_index_.size() < index) free_indexes_.push_back(static_cast<uint16_t>(by_index_.size()));
      by_index_.emplace_back();
      next_generation_.push_back(0);
    }
    next_generation_[index] = generation;
    if (!name.empty() && remembered_.emplace(name, index).second) return;
    next_generation_[index] = static_cast<uint16_t>((generation + 1) % kGenerations);
    free_indexes_.push_back(index);
  });
}

void Registry::forget_absent(StickTable& table) {
  const std::lock_guard lock(mutex_);
  forget_remembered(table);
}

void Registry::forget_remembered(StickTable& table) {
  if (remembered_.empty()) return;
  std::vector<bool> gone(by_index_.size(), false);
  for (const auto& [name, index] : remembered_) {
    gone[index] = true;
    table.file()->set_name(index, next_generation_[index], "");
    next_generation_[index] = static_cast<uint16_t>((next_generation_[index] + 1) % kGenerations);
    free_indexes_.push_back(index);
  }
  remembered_.clear();
  table.drop_restored([&](const Pin& pin) { return pin.backend < gone.size() && gone[pin.backend]; });
}

int64_t Registry::set(const std::string& name, const BackendSettings& settings, StickTable* table) {
  const std::lock_guard lock(mutex_);
  const auto known = staged_.find(name);
  if (known != staged_.end()) {
    known->second.settings = settings;
    return known->second.backend->identity();
  }
  if (staged_.size() >= kMaxBackends) return -1;
  const int claimed = claim_index(name, table);
  if (claimed < 0) return -1;
  const auto index = static_cast<uint16_t>(claimed);
  const uint16_t generation = next_generation_[index];
  next_generation_[index] = static_cast<uint16_t>((generation + 1) % kGenerations);
  by_index_[index] = std::make_unique<Backend>(name, index, generation);
  if (table && table->file()) table->file()->set_name(index, generation, name);
  staged_.emplace(name, Staged{by_index_[index].get(), settings});
  return by_index_[index]->identity();
}

bool Registry::remove(const std::string& name, StickTable* table) {
  const std::lock_guard lock(mutex_);
  const auto known = staged_.find(name);
  if (known == staged_.end()) return false;
  const Backend& backend = *known->second.backend;
  if (table && table->file()) table->file()->set_name(backend.index, backend.generation, "");
  fresh_.push_back(known->second.backend);
  staged_.erase(known);
  return true;
}

Backend* Registry::find(const std::string& name) const {
  const std::lock_guard lock(mutex_);
  const auto known = staged_.find(name);
  return known == staged_.end() ? nullptr : known->second.backend;
}

Tier Registry::make_tier(const Roster& roster, bool backup, const Roster* previous) const {
  Tier tier;
  std::vector<Member> members;
  for (EntryIndex i = 0; i < roster.entries.size(); i++) {
    const RosterEntry& entry = roster.entries[i];
    if (entry.weight == 0 || entry.backup != backup) continue;
    tier.members.push_back(i);
    members.push_back({entry.backend->name, entry.weight, entry.backend->identity()});
  }
  const Tier* const before = previous ? (backup ? &previous->backups : &previous->primaries) : nullptr;
  const auto same = [&](EntryIndex now, EntryIndex then) {
    const RosterEntry& a = roster.entries[now];
    const RosterEntry& b = previous->entries[then];
    return a.backend == b.backend && a.weight == b.weight;
  };
  // The memo belongs to the membership: health and addresses change nothing.
  const bool unchanged =
      before && before->placement &&
      std::equal(tier.members.begin(), tier.members.end(), before->members.begin(), before->members.end(), same);
  tier.placement =
      unchanged ? before->placement : make_placement(rules_, members, before ? before->placement.get() : nullptr);
  return tier;
}

void Registry::add_entries(Roster& roster) const {
  roster.entries.reserve(staged_.size());
  roster.by_registry_index.assign(by_index_.size(), kNoEntry);
  roster.on_backups = true;
  for (const auto& [name, staged] : staged_) {
    const BackendSettings& settings = staged.settings;
    roster.by_registry_index[staged.backend->index] = static_cast<EntryIndex>(roster.entries.size());
    roster.entries.push_back({staged.backend, settings.endpoint, settings.weight, settings.max_sessions, settings.state,
                              settings.backup, false, std::clamp(settings.ramp, 1U, kFullRamp)});
    if (!settings.backup && roster.entries.back().ready()) roster.on_backups = false;
  }
  for (EntryIndex at = 0; at < roster.entries.size(); at++) {
    RosterEntry& entry = roster.entries[at];
    entry.standby = entry.backup && !roster.on_backups;
    if (entry.ramp < kFullRamp) entry.ramp_seed = mix64(hash_name(entry.backend->name, rules_.secret));
    if (!entry.eligible()) {
      roster.ineligible.push_back(at);
      continue;
    }
    roster.eligible_share += entry.share();
    if (entry.max_sessions == 0) continue;
    roster.limited.push_back(at);
    const bool least = roster.least_limit == 0 || entry.max_sessions < roster.least_limit;
    if (least) roster.least_limit = entry.max_sessions;
  }
}

std::unique_ptr<const Roster> Registry::make_roster(const Roster* previous, std::vector<Backend*>& released) {
  const std::lock_guard lock(mutex_);
  auto roster = std::make_unique<Roster>();
  roster->number = previous ? previous->number + 1 : 1;
  add_entries(*roster);
  roster->primaries = make_tier(*roster, false, previous);
  roster->backups = make_tier(*roster, true, previous);
  std::erase_if(removed_, [&](Backend* backend) {
    if (backend->sessions() != 0) return false;
    released.push_back(backend);
    return true;
  });
  removed_.insert(removed_.end(), fresh_.begin(), fresh_.end());
  fresh_.clear();
  roster->removed.assign(removed_.begin(), removed_.end());
  return roster;
}

void Registry::free_records(const std::vector<Backend*>& released) {
  const std::lock_guard lock(mutex_);
  for (Backend* backend : released) {
    if (backend->sessions() != 0) {
      removed_.push_back(backend);
      continue;
    }
    const uint16_t index = backend->index;
    by_index_[index].reset();
    free_indexes_.push_back(index);
  }
}

size_t Registry::indexes() const {
  const std::lock_guard lock(mutex_);
  return by_index_.size();
}

void Registry::each_staged(FunctionRef<void(Backend&)> visit) const {
  const std::lock_guard lock(mutex_);
  for (const auto& [name, staged] : staged_) visit(*staged.backend);
}

void Registry::each(FunctionRef<void(const Backend&)> visit) const {
  const std::lock_guard lock(mutex_);
  for (const auto& backend : by_index_) {
    if (backend) visit(*backend);
  }
}

}  // namespace limpet
