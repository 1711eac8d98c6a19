// The file descriptors of the process that sessions may use. One per process, because the limit is the process's:
// relays of every environment share it. Past it clients that are handed over are closed and counted, and threads that
// accept pause, so that EMFILE is not reached: there libuv itself would accept and drop, silently.
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

  // Limit = RLIMIT_NOFILE − descriptors open now − a reserve − what is kept. Only the first call counts; others wait
  // until it is done.
  void init();
  bool take(uint32_t count) { return take_below(count, limit()); }
  // The same for what makes sessions faster: the last eighth is for those that could not be at all.
  bool take_spare(uint32_t count) { return take_below(count, limit() - limit() / 8); }
  // Whether a session would fit.
  bool has_room() const { return used() + kSession <= limit(); }
  void give(uint32_t count) { used_.fetch_sub(count, std::memory_order_acq_rel); }

  uint32_t used() const { return used_.load(std::memory_order_relaxed); }
  uint32_t limit() const {
    const uint32_t all = all_.load(std::memory_order_relaxed);
    const uint32_t kept = kept_.load(std::memory_order_relaxed);
    return all > kept ? all - kept : 0;
  }

  // Descriptors that were opened since init(), or may be at any time, and are not of sessions: threads, listen sockets.
  void keep(uint32_t count) { kept_.fetch_add(count, std::memory_order_relaxed); }
  void let_go(uint32_t count) { kept_.fetch_sub(count, std::memory_order_relaxed); }

 private:
  void read_limit();
  bool take_below(uint32_t count, uint32_t limit);

  std::atomic<uint32_t> used_{0};
  std::atomic<uint32_t> all_{0};
  std::atomic<uint32_t> kept_{0};
  std::once_flag once_;
};

}  // namespace limpet
