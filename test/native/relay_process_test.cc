// What the rest of the process does to the relay: it forks, it may have no thread to give.
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

#include "support/relay_rig.h"

using namespace limpet;
using namespace limpet::test;

namespace {

// A child that holds duplicates of all descriptors, as one does between fork and exec, until it is let go.
class Holder {
 public:
  Holder() {
    CHECK_EQUAL(pipe(ends_), 0);
    child_ = fork();
    if (child_ != 0) return;
    close(ends_[1]);
    char byte;
    while (read(ends_[0], &byte, 1) < 0 && errno == EINTR) continue;
    _exit(0);
  }
  ~Holder() {
    close(ends_[1]);
    close(ends_[0]);
    int status = 0;
    while (waitpid(child_, &status, 0) < 0 && errno == EINTR) continue;
  }
  Holder(const Holder&) = delete;
  Holder& operator=(const Holder&) = delete;

 private:
  int ends_[2] = {-1, -1};
  pid_t child_ = -1;
};

}  // namespace

TEST("sockets of ended sessions that a fork still holds: their late events are nobody's") {
  Rig rig({.workers = 1});
  Port back;
  rig.set("a", back.number());
  Socket client = rig.client();
  Socket backend = back.accept();
  CHECK(client.echoes("x", backend));
  const Holder holder;
  rig.relay.cut();
  CHECK(rig.idle());
  // Both connections live on in the child, and in epoll.
  backend.write("late");
  client.write("late");
  // In the place of the session that ended.
  Socket next_client = rig.client();
  Socket next_backend = back.accept();
  backend.write("later");
  client.write("later");
  for (unsigned i = 0; i < 100; i++) CHECK(next_client.echoes("y", next_backend));
  backend.reset();
  client.reset();
  CHECK(next_client.echoes("z", next_backend));
  CHECK_EQUAL(rig.relay.sessions(), 1U);
  rig.relay.cut();
  rig.check_end(SessionCounter::kEndShutdown, 2);
}

TEST("a connect that was given up, held by a fork, and then succeeds: it is not the next one's success") {
  Rig rig({.workers = 1, .timeouts = {1'500, 30'000, 30'000}});
  const auto names = rig.names_in_order(4);
  FullPort ports[4];
  for (unsigned i = 0; i < 4; i++) rig.set(names[i], ports[i].number());
  Socket client = rig.client();
  CHECK(eventually([&] { return rig.backend(names[0])->sessions() == 1; }));
  const Holder holder;
  CHECK(rig.counts(SessionCounter::kConnectTimeout, 1));
  // Its SYN is sent again for as long as somebody holds the socket.
  CHECK(ports[0].accept_caller().open());
  CHECK(rig.counts(SessionCounter::kConnectTimeout, 4));
  CHECK_EQUAL(rig.count(SessionCounter::kOpened), uint64_t{0});
  rig.check_end(SessionCounter::kRefusedNoBackend);
}

TEST("where no thread can be had, the relay says so") {
  if (getuid() != 0) return;  // only root can become somebody who is at a limit
  const pid_t child = fork();
  if (child == 0) {
    const rlimit none{1, 1};
    if (setrlimit(RLIMIT_NPROC, &none) != 0 || setuid(65'534) != 0) _exit(2);
    Relay relay(std::make_shared<EpochDomain>(), 2);
    const int error = relay.start();
    relay.stop();
    _exit(error == EAGAIN ? 0 : 1);
  }
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  CHECK(WIFEXITED(status));
  CHECK_EQUAL(WEXITSTATUS(status), 0);
}

TEST_MAIN
