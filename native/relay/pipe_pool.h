// The pipes of a worker, for splicing. Two descriptors each, from the process's budget.
//
// A direction borrows a pipe while bytes are on their way through it, so what is out at one time is what slow receivers
// hold. A pipe in the pool is empty.
#pragma once

#include <cstdint>
#include <vector>

#include "counters.h"
#include "session.h"

namespace limpet {

class PipePool {
 public:
  // Asked of the kernel for every pipe, and what one splice takes at most. docs/relay.md has the measurement.
  static constexpr uint32_t kBytes = 512 * 1024;
  // Smaller ones are not used: what the kernel makes by itself (pipe(7)), unless the user has too many.
  static constexpr uint32_t kLeastBytes = 64 * 1024;
  // A worker's, lent and kept. Those who come later copy: slow receivers hold at most 64 MiB a worker in pipes.
  static constexpr uint32_t kMost = 128;
  // After a pipe could not be had, the next try: one for every bulk transfer would only cost.
  static constexpr uint64_t kRetryMs = 1'000;

  explicit PipePool(const SessionCounterRow& counters) : counters_(counters) {}
  ~PipePool() { clear(); }
  PipePool(const PipePool&) = delete;
  PipePool& operator=(const PipePool&) = delete;

  // An empty pipe; false: none can be had now.
  bool lend(Pipe& pipe);
  // An empty one is kept for the next, one that holds bytes is closed.
  void give_back(Pipe& pipe);
  // Closes those that are kept.
  void clear();

 private:
  static constexpr size_t kKept = 16;

  bool make(Pipe& pipe);
  void close_pipe(Pipe& pipe);

  const SessionCounterRow counters_;
  std::vector<Pipe> kept_;
  uint32_t open_ = 0;         // lent and kept
  uint64_t retry_at_ms_ = 0;  // no try before
};

}  // namespace limpet
