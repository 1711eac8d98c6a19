// The file descriptors of the process that sessions may use. One per process, because the limit is the process's:
// relays of every environment share it. Newcomers past it are closed and counted, so that EMFILE is never reached;
// there libuv itself would accept and drop, silently.
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>

namespace limpet {

class FdBudget {
 public:
  // Descriptors of a session: the client's and the backend's.
  static constexpr uint32_t kSession = 2;

  static FdBudget& process();

  // Limit = RLIMIT_NOFILE − descriptors open now − a reserve. Only the first call counts; others wait until it is done.
  void init();
  bool take(uint32_t count);
  // Whether a session would fit.
  bool has_room() const { return used() + kSession <= limit(); }
  void give(uint32_t count) { used_.fetch_sub(count, std::memory_order_acq_rel); }

  uint32_t used() const { return used_.load(std::memory_order_relaxed); }
  uint32_t limit() const { return limit_.load(std::memory_order_relaxed); }

 private:
  void read_limit();

  std::atomic<uint32_t> used_{0};
  std::atomic<uint32_t> limit_{0};
  std::once_flag once_;
};

}  // namespace limpet
