#include "worker.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <new>

#include "connector.h"
#include "durations.h"
#include "fd_budget.h"

namespace limpet {

namespace {

constexpr int kEventsAtOnce = 256;
constexpr uint64_t kLongestWaitMs = 60'000;
constexpr uint64_t kWakeTag = 0;
// For how long a cut of many sessions waits for those who read the records, and how often it looks.
constexpr uint64_t kLongestCutMs = 1000;
constexpr uint64_t kCutWaitMs = 5;

// The signals of the process belong to its main thread.
void block_signals() {
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, nullptr);
}

}  // namespace

Worker::Worker(std::shared_ptr<EpochDomain> domain, SessionCounters& counters, unsigned row)
    : domain_(std::move(domain)), epoch_(std::in_place, *domain_), counters_{counters, row}, copier_(counters_) {}

Worker::~Worker() {
  ask_to_stop();
  join();
  close_all();
}

int Worker::start(std::span<const std::unique_ptr<Worker>> all) {
  if (!epoch_->ok()) return EAGAIN;
  workers_ = all;
  epoll_ = epoll_create1(EPOLL_CLOEXEC);
  if (epoll_ < 0) return errno;
  FdBudget::process().keep(1);
  event_ = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  if (event_ < 0) return errno;
  FdBudget::process().keep(1);
  epoll_event event{};
  event.events = EPOLLIN | EPOLLET;
  event.data.u64 = kWakeTag;
  if (epoll_ctl(epoll_, EPOLL_CTL_ADD, event_, &event) != 0) return errno;
  tick();
  wheel_ = std::make_unique<TimerWheel>(now_ms_);
  // Not std::thread, which ends the process where no thread can be had (RLIMIT_NPROC, a container's pids limit).
  const auto body = [](void* worker) -> void* {
    static_cast<Worker*>(worker)->run();
    return nullptr;
  };
  const int error = pthread_create(&thread_, nullptr, body, this);
  running_ = error == 0;
  return error;
}

void Worker::wake() {
  if (!sleeping_.exchange(false, std::memory_order_seq_cst)) return;
  const uint64_t one = 1;
  // EAGAIN: the counter is full, so the thread is being woken anyway.
  [[maybe_unused]] const ssize_t written = write(event_, &one, sizeof one);
}

void Worker::submit(const NewClient& client) {
  sessions_.fetch_add(1, std::memory_order_relaxed);
  {
    const std::lock_guard lock(inbox_mutex_);
    inbox_.push_back(client);
  }
  announce();
}

void Worker::post(const Order& order) {
  {
    const std::lock_guard lock(inbox_mutex_);
    orders_.push_back(order);
  }
  announce();
}

void Worker::announce() {
  posted_.store(true, std::memory_order_seq_cst);
  wake();
}

void Worker::cut() {
  cut_.store(true, std::memory_order_seq_cst);
  wake();
}

void Worker::ask_to_stop() {
  stopping_.store(true, std::memory_order_seq_cst);
  wake();
}

void Worker::join() {
  if (running_) pthread_join(thread_, nullptr);
  running_ = false;
}

void Worker::close_all() {
  for (const NewClient& client : inbox_) end(admit(client), SessionCounter::kEndShutdown, false);
  inbox_.clear();
  bury();
  for (int* const fd : {&epoll_, &event_}) {
    if (*fd < 0) continue;
    close(*fd);
    *fd = -1;
    FdBudget::process().let_go(1);
  }
  epoch_.reset();
}

void Worker::run() {
  block_signals();
  while (!stopping_.load(std::memory_order_acquire)) wait_and_handle();
  const EpochGuard guard(*epoch_);
  while (all_) end(*all_, SessionCounter::kEndShutdown, false);
  bury();
}

// Milliseconds that epoll_wait may sleep.
uint64_t Worker::longest_wait() const {
  if (!queued_.empty() || stopping_.load() || cut_.load() || posted_.load()) return 0;
  const uint64_t wait = wheel_->wait_ms(now_ms_, cutting_ ? kCutWaitMs : kLongestWaitMs);
  if (resume_ms_ == 0) return wait;
  return std::min(wait, resume_ms_ > now_ms_ ? resume_ms_ - now_ms_ : 0);
}

void Worker::wait_and_handle() {
  // Announce the sleep first and look at the inbox after: whoever submits either is seen here or sees the flag.
  sleeping_.store(true, std::memory_order_seq_cst);
  const uint64_t wait = longest_wait();
  epoll_event events[kEventsAtOnce];
  const int count = epoll_wait(epoll_, events, kEventsAtOnce, static_cast<int>(wait));
  sleeping_.store(false, std::memory_order_relaxed);
  wake_++;
  tick();
  turn_.swap(queued_);
  // Pinned for the whole batch: rosters and endpoints stay where they are until the next wait.
  const EpochGuard guard(*epoch_);
  for (int i = 0; i < count; i++) handle(events[i]);
  run_queued();
  // Before the inbox: a cut means those, too, who came into it before.
  const bool cut = cut_.exchange(false, std::memory_order_acq_rel);
  take_inbox();
  expire_timers();
  if (resume_ms_ != 0 && now_ms_ >= resume_ms_) resume_paused();
  if (cut) {
    cutting_ = true;
    cut_until_ms_ = now_ms_ + kLongestCutMs;
  }
  if (cutting_) cut_some();
  bury();
}

// As many as there is room for records: whoever reads them is another thread, which is waited for a little.
void Worker::cut_some() {
  while (all_ && (!all_->record || records_.has_room() || now_ms_ >= cut_until_ms_)) {
    end(*all_, SessionCounter::kEndShutdown, false);
  }
  cutting_ = all_ != nullptr;
}

void Worker::bury() {
  if (dead_.empty()) return;
  // They may have been queued for another turn.
  std::erase_if(queued_, [](const Session* session) { return session->dead; });
  for (const Session* session : dead_) slab_.give_back(*session);
  dead_.clear();
}

void Worker::handle(const epoll_event& event) {
  const uint64_t tag = event.data.u64;
  if (tag == kWakeTag) return;  // edge-triggered: the next write is a new event, whether this one is read or not
  if (tag >= SessionSlab::kFirstTag) {
    // Null: of a socket that was closed before.
    if (Session* const session = slab_.find(tag)) handle_session(*session, event);
    return;
  }
  for (Watched& watched : watched_) {
    if (listener_tag(*watched.listener) != tag) continue;
    accept_from(watched);
    return;
  }
}

void Worker::handle_session(Session& session, const epoll_event& event) {
  const Which which = SessionSlab::which(event.data.u64);
  Side& side = session.side(which);
  const uint32_t flags = event.events;
  // EPOLLERR and EPOLLHUP are read like data: what came before them is delivered first, then recv() says what it was.
  if ((flags & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0) side.readable = true;
  if ((flags & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0) side.finished = true;
  // Not once the error was taken: what is left of a reset looks like a FIN.
  if ((flags & EPOLLRDHUP) != 0 && (flags & EPOLLERR) == 0 && !side.failed) side.whole = true;
  if ((flags & EPOLLPRI) != 0) side.probe = true;
  if ((flags & EPOLLOUT) != 0) side.writable = true;
  if (session.connected) {
    if ((flags & EPOLLERR) != 0 && !side.failed) take_error(side);
    // One that used up its budget has its turn after the others.
    if (!session.queued) pump(session);
  } else if (which == Which::kBackend) {
    on_connect_event(session, flags);
  } else if ((flags & EPOLLERR) != 0 || (session.waiting && wants_nothing(side))) {
    // A FIN alone is a half-close, and what it sent still goes to the backend.
    end(session, SessionCounter::kEndClientGone, false);
  } else if (session.proxying) {
    read_proxy(session);
  } else if (session.peeking) {
    peek(session, false);
  }
}

// EPOLLERR is also said of what somebody who had the socket before wants to know of its packets (SO_TIMESTAMPING).
void Worker::take_error(Side& side) {
  if (const int error = socket_error(side.fd); error != 0) side.fail(error);
}

void Worker::run_queued() {
  for (Session* session : turn_) {
    session->queued = false;
    if (!session->dead) pump(*session);
  }
  turn_.clear();
}

void Worker::take_inbox() {
  if (!posted_.load(std::memory_order_relaxed)) return;
  posted_.store(false, std::memory_order_seq_cst);
  {
    const std::lock_guard lock(inbox_mutex_);
    taken_.swap(inbox_);
    obeyed_.swap(orders_);
  }
  for (const NewClient& client : taken_) adopt(client);
  taken_.clear();
  for (const Order& order : obeyed_) obey(order);
  obeyed_.clear();
}

void Worker::obey(const Order& order) {
  switch (order.kind) {
    case Order::Kind::kWatch:
      return start_accepting(*order.listener);
    case Order::Kind::kUnwatch:
      return stop_accepting(*order.listener);
    case Order::Kind::kSurvey:
      return look(*order.survey);
    case Order::Kind::kClose:
      return close_session(order.place, order.session);
    case Order::Kind::kTurn:
      return take_turn(order.place, order.session);
  }
}

Session& Worker::admit(const NewClient& client) {
  Session& session = slab_.claim();
  session.listener = client.listener;
  session.pool = client.listener->pool;
  session.unrouted = client.listener->routes != nullptr;
  session.proxied.reset(client.proxied);
  session.client = client_of(client.proxied, client.address);
  session.record = client.record;
  session.id = ++next_id_ << 8 | (counters_.row & 0xff);
  session.active_ms = now_ms_;
  session.began_ms = now_ms_ - std::min(client.waited_ms, now_ms_);
  if (client.key) session.wait_until_ms = now_ms_ + client.look_ms;
  session.seat.named = client.named;
  Side& side = session.side(Which::kClient);
  side.fd = client.fd;
  side.probe = client.address.family == ClientAddress::Family::kUnix;
  side.backlog = client.head;
  side.bytes = client.head.end;
  session.next = all_;
  if (all_) all_->previous = &session;
  all_ = &session;
  return session;
}

void Worker::adopt(const NewClient& client) {
  if (!client.has_options && client.address.family != ClientAddress::Family::kUnix) {
    set_socket_options(client.fd, client.listener->pool->keepalive);
  }
  begin(admit(client), client.key);
}

bool Worker::watch_side(Session& session, Which which) {
  epoll_event event{};
  // Edge-triggered, both directions from the start: no epoll_ctl during a session's life, and no spin on a HUP.
  event.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLPRI | EPOLLET;
  event.data.u64 = slab_.tag(session, which);
  return epoll_ctl(epoll_, EPOLL_CTL_ADD, session.side(which).fd, &event) == 0;
}

void Worker::expire_timers() {
  while (TimerNode* node = wheel_->expire(now_ms_)) on_timer(*static_cast<Session*>(node));
}

SessionRecord Worker::record_of(const Session& session, RecordKind kind) const {
  SessionRecord record{};
  record.kind = kind;
  record.reason = session.seat.backend ? static_cast<uint8_t>(session.seat.reason) : 255;
  record.family = static_cast<uint8_t>(session.client.family);
  record.client_port = session.client.port;
  record.backend = session.seat.backend ? session.seat.backend->index : uint16_t{0xffff};
  record.generation = session.seat.backend ? session.seat.backend->generation : uint16_t{0};
  record.listener = session.listener->id;
  record.pool = session.unrouted ? UINT32_MAX : session.relay_pool().id;
  std::memcpy(record.client, session.client.bytes.data(), sizeof record.client);
  record.session = session.id;
  record.bytes_to_backend = session.sides[0].bytes - session.sides[0].held();
  record.bytes_to_client = session.sides[1].bytes - session.sides[1].held();
  record.connect_us = session.connect_us;
  record.duration_ms = now_ms_ - session.began_ms;
  record.at_ms = now_ms_;
  return record;
}

void Worker::write_record(const Session& session, RecordKind kind, SessionCounter cause) {
  SessionRecord record = record_of(session, kind);
  record.cause = kind == RecordKind::kOpen ? uint8_t{0} : static_cast<uint8_t>(cause);
  if (!records_.push(record)) count(SessionCounter::kRecordsDropped);
}

void Worker::close_side(Session& session, Which which, bool reset) {
  Side& side = session.side(which);
  if (side.fd < 0) return;
  // No EPOLL_CTL_DEL: usually closing takes it out of epoll, and where a duplicate keeps it there, its tag is void.
  if (reset) {
    close_with_reset(side.fd);
  } else {
    close(side.fd);
  }
  side.fd = -1;
  side.tag = 0;
}

void Worker::end(Session& session, SessionCounter cause, bool reset) {
  count(cause);
  if (session.connected) count_session(counters_, now_ms_ - session.began_ms);
  const bool refused = cause >= SessionCounter::kRefusedMaxSessions && cause <= SessionCounter::kRefusedTls;
  if (session.record) write_record(session, refused ? RecordKind::kRefused : RecordKind::kClose, cause);
  if (session.rejected) {
    Pool::blame_reset(session.seat);
  } else if (session.connected) {
    Pool::clear_reset(session.seat);
  }
  stop_waiting(session, cause);
  session.relay_pool().pool->release(session.seat, !session.connected, now_ms_);
  TimerWheel::disarm(session);
  const bool cut_off[] = {session.connected && session.sides[1].has_more(),
                          session.connected && session.sides[0].has_more()};
  for (const Which which : {Which::kClient, Which::kBackend}) {
    Side& side = session.side(which);
    copier_.drop(side);
    // What is whole, FIN and all, may still be on its way out of the socket: a reset would take it away. What is not
    // must not look as if it were.
    const bool has_all = side.shut && !side.failed;
    if (reset && has_all) discard_unread(side.fd);
    close_side(session, which, (reset && !has_all) || cut_off[static_cast<unsigned>(which)]);
  }
  // At rest nothing is kept, neither descriptors nor a share of the budget.
  if (all_ == &session && !session.next) copier_.rest();
  FdBudget::process().give(FdBudget::kSession);
  session.listener->sessions.fetch_sub(1, std::memory_order_acq_rel);
  sessions_.fetch_sub(1, std::memory_order_relaxed);
  if (session.previous) session.previous->next = session.next;
  if (session.next) session.next->previous = session.previous;
  if (all_ == &session) all_ = session.next;
  session.proxied.reset();
  session.dead = true;
  dead_.push_back(&session);
}

}  // namespace limpet
