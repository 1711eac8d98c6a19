#include "opener.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <span>

#include "message.h"

namespace limpet::bench {

namespace {

// So many at once; far below every backlog.
constexpr size_t kBatch = 64;
constexpr int kPatienceMs = 10'000;

// False: a fault was counted.
bool wait_for(int fd, short events, Faults& faults) {
  pollfd wanted{fd, events, 0};
  int ready;
  do {
    ready = poll(&wanted, 1, kPatienceMs);
  } while (ready < 0 && errno == EINTR);
  if (ready == 0) faults.count(Fault::kStalled);
  return ready > 0;
}

bool ask(int fd, uint64_t seed, Faults& faults) {
  if (!wait_for(fd, POLLOUT, faults)) return false;
  const Message request = make_message(Verb::kPing, seed);
  if (send(fd, &request, sizeof request, MSG_NOSIGNAL) == sizeof request) return true;
  faults.count_error(errno);
  return false;
}

bool hear(int fd, uint64_t seed, Faults& faults) {
  Message answer;
  size_t got = 0;
  while (got < sizeof answer) {
    if (!wait_for(fd, POLLIN, faults)) return false;
    const ssize_t count = recv(fd, reinterpret_cast<uint8_t*>(&answer) + got, sizeof answer - got, 0);
    if (count < 0 && (errno == EAGAIN || errno == EINTR)) continue;
    if (count < 0) faults.count_error(errno);
    if (count == 0) faults.count(Fault::kClosed);
    if (count <= 0) return false;
    got += static_cast<size_t>(count);
  }
  if (answer.answers(make_message(Verb::kPing, seed))) return true;
  faults.count(Fault::kCorrupt);
  return false;
}

// All are asked before the first is heard.
bool exchange(std::span<const int> sessions, Faults& faults) {
  bool good = true;
  for (size_t i = 0; i < sessions.size() && good; i++) good = ask(sessions[i], i, faults);
  for (size_t i = 0; i < sessions.size() && good; i++) good = hear(sessions[i], i, faults);
  return good;
}

}  // namespace

std::vector<int> open_sessions(Route& route, size_t count, Faults& faults) {
  std::vector<int> sessions;
  while (sessions.size() < count) {
    const size_t begin = sessions.size();
    for (size_t i = 0; i < std::min(kBatch, count - begin); i++) {
      const int fd = route.connect();
      if (fd < 0) {
        faults.count_error(errno);
        return sessions;
      }
      sessions.push_back(fd);
    }
    if (!exchange(std::span(sessions).subspan(begin), faults)) return sessions;
  }
  return sessions;
}

void ask_all(const std::vector<int>& sessions, Faults& faults) {
  for (size_t begin = 0; begin < sessions.size(); begin += kBatch) {
    exchange(std::span(sessions).subspan(begin, std::min(kBatch, sessions.size() - begin)), faults);
  }
}

void close_all(const std::vector<int>& sessions) {
  for (const int fd : sessions) close(fd);
}

}  // namespace limpet::bench
