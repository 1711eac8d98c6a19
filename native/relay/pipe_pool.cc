#include "pipe_pool.h"

#include <fcntl.h>
#include <unistd.h>

#include "clock.h"
#include "fd_budget.h"

namespace limpet {

bool PipePool::lend(Pipe& pipe) {
  if (!kept_.empty()) {
    pipe = kept_.back();
    kept_.pop_back();
    return true;
  }
  const uint64_t now_ms = coarse_ms();
  if (now_ms < retry_at_ms_) return false;
  if (make(pipe)) return true;
  retry_at_ms_ = now_ms + kRetryMs;
  return false;
}

bool PipePool::make(Pipe& pipe) {
  int ends[2];
  if (open_ == kMost || !FdBudget::process().take_spare(2)) {
    counters_.add(SessionCounter::kPipesRefused);
    return false;
  }
  if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) {
    FdBudget::process().give(2);
    counters_.add(SessionCounter::kPipesRefused);
    return false;
  }
  open_++;
  pipe = Pipe{ends[0], ends[1], 0};
  // EPERM: past fs.pipe-user-pages-soft, or kBytes is past fs.pipe-max-size. What counts is the size that it has: past
  // the soft limit pipes are born with two pages.
  int size = fcntl(pipe.write_end, F_SETPIPE_SZ, static_cast<int>(kBytes));
  if (size < 0) size = fcntl(pipe.write_end, F_GETPIPE_SZ);
  if (size >= static_cast<int>(kLeastBytes)) return true;
  close_pipe(pipe);
  counters_.add(SessionCounter::kPipesSmall);
  return false;
}

void PipePool::give_back(Pipe& pipe) {
  if (pipe.held == 0 && kept_.size() < kKept) {
    kept_.push_back(pipe);
    pipe = Pipe{};
  } else {
    close_pipe(pipe);
  }
}

void PipePool::clear() {
  for (Pipe& pipe : kept_) close_pipe(pipe);
  kept_.clear();
}

void PipePool::close_pipe(Pipe& pipe) {
  close(pipe.read_end);
  close(pipe.write_end);
  pipe = Pipe{};
  open_--;
  FdBudget::process().give(2);
}

}  // namespace limpet
