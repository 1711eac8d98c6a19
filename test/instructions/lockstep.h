// A relay with one worker, and this thread as its client and its backend. Before each step the worker has to be asleep
// again, so that it is woken for the same things every time, also on a busy machine.
#pragma once

#include <sys/syscall.h>

#include <ctime>
#include <fstream>

#include "support/relay_rig.h"

// Instead of the C library's, for every clock: time stands still. Otherwise the timer wheel would turn with it, and the
// count would depend on how long a run takes.
extern "C" inline __attribute__((used)) int clock_gettime(clockid_t, timespec* now) noexcept {
  *now = {1'000'000, 0};
  return 0;
}

namespace limpet::test {

class Lockstep {
 public:
  Lockstep() : rig_({.workers = 1}) {
    rig_.set("a", port_.number());
    rig_.listen();
    rig_.relay.accept(rig_.listener);
    settle();
  }
  void open() {
    client_ = begin_connection(rig_.own_port());
    backend_ = port_.accept();
    CHECK(backend_.open());
    // The backend has it before the worker knows, who may sleep in between where the kernel is late.
    CHECK(rig_.counts(SessionCounter::kOpened, ++opened_));
    settle();
  }
  void round_trip() {
    CHECK(client_.write(message_) && backend_.read(message_.size()) == message_);
    settle();
    CHECK(backend_.write(message_) && client_.read(message_.size()) == message_);
    settle();
  }
  void close() {
    client_.close();
    CHECK(backend_.ends());
    settle();
    backend_.close();
    CHECK(rig_.idle());
    settle();
  }
  // The program's exit status.
  int finish() {
    rig_.check_balance();
    return failures.load() == 0 ? 0 : 1;
  }

 private:
  static std::string find_worker() {
    DIR* const tasks = opendir("/proc/self/task");
    std::string worker;
    while (const dirent* task = readdir(tasks)) {
      if (task->d_name[0] != '.' && std::atoi(task->d_name) != getpid()) worker = task->d_name;
    }
    closedir(tasks);
    return worker;
  }
  // Waits until the worker is blocked in epoll_wait (proc_pid_syscall(5)); by counting, since time stands still.
  void settle() const {
    const std::string asleep = std::to_string(SYS_epoll_wait) + " ";
    for (unsigned tries = 0; tries < 100'000; tries++) {
      std::string line;
      std::getline(std::ifstream("/proc/self/task/" + worker_ + "/syscall"), line);
      if (line.starts_with(asleep)) return;
      usleep(100);
    }
    FAIL("the worker does not come to rest");
  }

  const std::string message_ = std::string(64, 'x');
  Port port_;
  Rig rig_;
  const std::string worker_ = find_worker();
  Socket client_;
  Socket backend_;
  uint64_t opened_ = 0;
};

}  // namespace limpet::test
