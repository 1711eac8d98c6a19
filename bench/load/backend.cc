#include "backend.h"

#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "../arguments.h"
#include "sockets.h"

namespace limpet::bench {

namespace {

constexpr int kEventsAtOnce = 256;

}  // namespace

Backend::Backend(const std::vector<int>& listeners, int stop, uint64_t corrupt_every, size_t skip,
                 BackendTotals& totals)
    : epoll_(epoll_create1(EPOLL_CLOEXEC)), stop_(stop), corrupt_every_(corrupt_every), skip_(skip), totals_(totals) {
  bool watched = watch(epoll_, stop_, EPOLLIN, nullptr);
  for (const int fd : listeners) {
    auto& listener = *listeners_.emplace_back(std::make_unique<Connection>());
    listener.fd = fd;
    listener.listens = true;
    watched = watched && watch(epoll_, fd, EPOLLIN, &listener);
  }
  if (!watched) refuse("epoll does not take the listening sockets", 1);
}

Backend::~Backend() { close(epoll_); }

void Backend::run() {
  epoll_event events[kEventsAtOnce];
  for (;;) {
    const int count = epoll_wait(epoll_, events, kEventsAtOnce, -1);
    for (int i = 0; i < count; i++) {
      if (!events[i].data.ptr) return;
      auto& connection = *static_cast<Connection*>(events[i].data.ptr);
      if (connection.listens) {
        accept_one(connection.fd);
      } else if (!handle(connection, events[i].events)) {
        close(connection.fd);
        delete &connection;
      }
    }
  }
}

// One a wake-up: what else waits is reported again.
void Backend::accept_one(int listener) {
  const int fd = accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (fd < 0) {
    if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED) totals_.faults.count_error(errno);
    return;
  }
  auto* connection = new Connection;
  connection->fd = fd;
  connection->skip = skip_;
  totals_.connections.fetch_add(1, std::memory_order_relaxed);
  if (watch(epoll_, fd, EPOLLIN, connection)) return;
  totals_.faults.count_error(errno);
  close(fd);
  delete connection;
}

bool Backend::handle(Connection& connection, uint32_t events) {
  if (!connection.stream) return read_request(connection);
  if ((events & EPOLLOUT) != 0 && !connection.stream->send(connection.fd, pattern_, totals_.faults, totals_.sent)) {
    return false;
  }
  if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) == 0) return true;
  return connection.stream->receive(connection.fd, pattern_, totals_.faults, totals_.received);
}

Backend::Got Backend::take(Connection& connection, void* into, size_t most, size_t& got) {
  const ssize_t count = recv(connection.fd, into, most, 0);
  if (count == 0) return Got::kEnd;
  if (count < 0) {
    if (errno == EAGAIN || errno == EINTR) return Got::kNothing;
    totals_.faults.count_error(errno);
    return Got::kEnd;
  }
  got = static_cast<size_t>(count);
  return Got::kBytes;
}

bool Backend::read_request(Connection& connection) {
  size_t count = 0;
  while (connection.skip > 0) {
    uint8_t head[4096];
    const Got got = take(connection, head, std::min(connection.skip, sizeof head), count);
    if (got != Got::kBytes) return got == Got::kNothing;
    connection.skip -= count;
  }
  auto* const bytes = reinterpret_cast<uint8_t*>(&connection.request);
  const Got got = take(connection, bytes + connection.got, sizeof(Message) - connection.got, count);
  if (got != Got::kBytes) return got == Got::kNothing;
  connection.got += count;
  if (connection.got < sizeof(Message)) return true;
  connection.got = 0;
  const bool intact = connection.request.intact();
  if (intact && connection.request.verb() == Verb::kPing) return answer(connection);
  if (intact && connection.request.verb() == Verb::kStream) return begin_stream(connection);
  totals_.faults.count(Fault::kCorrupt);
  return false;
}

bool Backend::answer(const Connection& connection) {
  Message message = make_message(Verb::kAnswer, connection.request.seed());
  const uint64_t number = totals_.answers.fetch_add(1, std::memory_order_relaxed) + 1;
  if (corrupt_every_ != 0 && number % corrupt_every_ == 0) message.words[number % message.words.size()] ^= 1;
  // The socket is empty: 64 B are taken whole.
  if (send(connection.fd, &message, sizeof message, MSG_NOSIGNAL) == sizeof message) return true;
  totals_.faults.count_error(errno);
  return false;
}

bool Backend::begin_stream(Connection& connection) {
  const Message& request = connection.request;
  connection.stream = std::make_unique<Stream>(Stream::End::kBackend, static_cast<uint32_t>(request.seed()));
  if (!request.down()) return true;
  epoll_event event{};
  event.events = EPOLLIN | EPOLLOUT;
  event.data.ptr = &connection;
  if (epoll_ctl(epoll_, EPOLL_CTL_MOD, connection.fd, &event) == 0) return true;
  totals_.faults.count_error(errno);
  return false;
}

}  // namespace limpet::bench
