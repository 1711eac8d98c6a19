// Accepting on the workers' own threads. The workers share one listen socket, and each has it in its epoll with
// EPOLLEXCLUSIVE, so that a new client wakes one of them. docs/relay.md says why not a socket for each (SO_REUSEPORT).
#include <sys/epoll.h>

#include <algorithm>

#include "fd_budget.h"
#include "worker.h"

namespace limpet {

namespace {

// Most clients of a listener at one wake-up: sessions of the same thread wait meanwhile.
constexpr unsigned kMostAtOnce = 16;
// The kernel wakes the first sleeper of those that wait, in the order in which they came. After so many clients a
// worker goes to the end of that line: two epoll_ctl, for an even spread also where one thread could do all the work.
constexpr unsigned kTurn = 8;
// A worker that has more sessions than another by this and an eighth gives new ones away, which costs a wake-up of the
// other thread.
constexpr uint32_t kSlack = 8;
// How long to wait when there are no descriptors or no memory.
constexpr uint64_t kPauseMs = 20;

}  // namespace

void Worker::start_accepting(RelayListener& listener) {
  watched_.push_back({&listener, 1, kTurn, false, 0});
  if (!listen_to(listener)) pause(watched_.back());
}

void Worker::stop_accepting(RelayListener& listener) {
  const auto at = std::find_if(watched_.begin(), watched_.end(),
                               [&](const Watched& watched) { return watched.listener == &listener; });
  if (at == watched_.end()) return;
  if (!at->paused) epoll_ctl(epoll_, EPOLL_CTL_DEL, listener.fd, nullptr);
  watched_.erase(at);
  listener.watchers.fetch_sub(1, std::memory_order_acq_rel);
}

bool Worker::listen_to(const RelayListener& listener) {
  epoll_event event{};
  // Level-triggered: whoever is not accepted now is reported again, to one of the workers.
  event.events = EPOLLIN | EPOLLEXCLUSIVE;
  event.data.u64 = listener_tag(listener);
  return epoll_ctl(epoll_, EPOLL_CTL_ADD, listener.fd, &event) == 0;
}

// As many as came the last time are accepted without looking whether there is one more. If there is, the next wake-up
// follows at once, and then twice as many are accepted: a queue is emptied in few wake-ups, and clients that come one
// by one cost no accept() that finds nobody.
void Worker::accept_from(Watched& watched) {
  unsigned count = 0;
  bool more = true;
  while (more && count < watched.batch) {
    NewClient client;
    switch (accept_client(*watched.listener, counters_, client)) {
      case Accepted::kClient:
        place(client);
        break;
      case Accepted::kRefused:
        break;
      case Accepted::kNone:
        watched.batch = std::max(count, 1U);
        more = false;
        continue;
      case Accepted::kFull:
        pause(watched);
        return;
    }
    count++;
  }
  if (more && watched.wake + 1 == wake_) watched.batch = std::min(watched.batch * 2, kMostAtOnce);
  if (more) watched.wake = wake_;
  watched.turn -= std::min(count, watched.turn);
  if (watched.turn == 0) next_turn(watched);
}

void Worker::place(const NewClient& client) {
  const uint32_t own = sessions();
  for (const auto& worker : workers_) {
    const uint32_t theirs = worker->sessions();
    if (own <= theirs + theirs / 8 + kSlack) continue;
    worker->submit(client);
    return;
  }
  sessions_.fetch_add(1, std::memory_order_relaxed);
  adopt(client);
}

void Worker::next_turn(Watched& watched) {
  watched.turn = kTurn;
  if (workers_.size() == 1) return;
  epoll_ctl(epoll_, EPOLL_CTL_DEL, watched.listener->fd, nullptr);
  if (!listen_to(*watched.listener)) pause(watched);
}

void Worker::pause(Watched& watched) {
  count(SessionCounter::kAcceptPaused);
  epoll_ctl(epoll_, EPOLL_CTL_DEL, watched.listener->fd, nullptr);  // ENOENT: it was not in it
  watched.paused = true;
  resume_ms_ = now_ms_ + kPauseMs;
}

void Worker::resume_paused() {
  resume_ms_ = 0;
  const bool room = FdBudget::process().has_room();
  for (Watched& watched : watched_) {
    if (!watched.paused) continue;
    if (room && listen_to(*watched.listener)) {
      watched.paused = false;
      watched.batch = 1;
    } else {
      resume_ms_ = now_ms_ + kPauseMs;
    }
  }
}

}  // namespace limpet
