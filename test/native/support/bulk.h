// Sessions that carry bulk, so that the relay splices, and what the kernel can be made to do about it.
#pragma once

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <cstddef>

#include "support/flow.h"
#include "support/relay_rig.h"

namespace limpet::test {

// Client and backend of one session of a rig.
struct Joined {
  // `send_buffer`: of the relay's socket to the client; 0: the system's own.
  Joined(Rig& rig, const Port& port, int send_buffer = 0) {
    // Segments that fit into it several times: the receiver acknowledges the second one at once, a single one 40 ms
    // later.
    const int segment = send_buffer > 0 ? 536 : 0;
    if (segment > 0) setsockopt(rig.front.fd(), IPPROTO_TCP, TCP_MAXSEG, &segment, sizeof segment);
    client = begin_connection(rig.front.number());
    Socket accepted = rig.front.accept();
    if (send_buffer > 0) accepted.set_send_buffer(send_buffer);
    CHECK_EQUAL(rig.hand_over(accepted), static_cast<int>(HandOver::kTaken));
    backend = port.accept();
    CHECK(client.open() && backend.open());
  }
  Socket client;
  Socket backend;
};

// Pipes of this process that hold bytes. The pipes are another thread's: no library function that a thread sanitizer
// watches.
inline size_t loaded_pipes() {
  size_t count = 0;
  for (int fd = 0; fd < 4'096; fd++) {
    int bytes = 0;
    const bool reads = (syscall(SYS_fcntl, fd, F_GETFL) & O_ACCMODE) == O_RDONLY;
    const bool pipe = reads && syscall(SYS_fcntl, fd, F_GETPIPE_SZ) > 0;
    if (pipe && syscall(SYS_ioctl, fd, FIONREAD, &bytes) == 0 && bytes > 0) count++;
  }
  return count;
}

// Writes until every buffer on the way is full, and so many pipes of the relay hold bytes. The first time the relay may
// be faster than the writer, never fill its buffer, and so copy until the receiver is full.
inline bool load_pipe(Flow& flow, Socket& from, Socket& to, size_t pipes = 1) {
  for (unsigned tries = 0; tries < 50; tries++) {
    if (!fill(flow, from, 20)) return false;
    if (loaded_pipes() == pipes) return true;
    if (!drain(flow, to, flow.received() + (1 << 20))) return false;
  }
  return false;
}

// The two directions of a session.
struct Streams {
  Streams(Joined& ends, uint64_t to_backend, uint64_t to_client, size_t most = 64 * 1024, uint64_t stream = 1)
      : ends(ends) {
    flows.emplace_back(ends.client, ends.backend, 2 * stream, to_backend, most);
    flows.emplace_back(ends.backend, ends.client, 2 * stream + 1, to_client, most);
  }
  // Every buffer on the way is full, and a pipe holds bytes.
  bool load_down() { return load_pipe(down(), ends.backend, ends.client); }
  // Both ways.
  bool load() { return load_down() && load_pipe(up(), ends.client, ends.backend, 2); }
  // Everything that was sent arrives, and the ends of both.
  void finish() {
    CHECK(drain(down(), ends.client, down().sent()) && drain(up(), ends.backend, up().sent()));
    ends.client.finish();
    ends.backend.finish();
    CHECK(ends.client.ends() && ends.backend.ends());
  }
  Flow& up() { return flows[0]; }
  Flow& down() { return flows[1]; }
  Joined& ends;
  std::vector<Flow> flows;
};

// Runs `body` in a process of its own, which may change what its kernel allows it. Its failed checks fail here.
template <typename Body>
void in_child(Body&& body) {
  const pid_t child = fork();
  if (child == 0) {
    body();
    _exit(failures == 0 ? 0 : 1);
  }
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) continue;
  CHECK(WIFEXITED(status));
  CHECK_EQUAL(WEXITSTATUS(status), 0);
}

// From now on splice() fails with `error` in every thread of this process. For in_child().
inline bool forbid_splice(int error) {
  sock_filter code[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_splice, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | static_cast<unsigned>(error)),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  const sock_fprog program{sizeof code / sizeof code[0], code};
  return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
         syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &program) == 0;
}

// No descriptor can be opened any more, until allow_descriptors(). For in_child().
inline void forbid_descriptors() {
  const int next = dup(0);
  close(next);
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = static_cast<rlim_t>(next);
  CHECK_EQUAL(setrlimit(RLIMIT_NOFILE, &limit), 0);
}
inline void allow_descriptors() {
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  CHECK_EQUAL(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

}  // namespace limpet::test
