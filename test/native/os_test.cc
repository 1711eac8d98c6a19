// Descriptors over unix sockets, sockets of others, and what a service manager is told.
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

#include "os/descriptors.h"
#include "os/notify.h"
#include "os/privileges.h"
#include "relay/listen_socket.h"
#include "support/sockets.h"
#include "support/test.h"

using namespace limpet;
using namespace limpet::test;

namespace {

struct Pair {
  int a = -1;
  int b = -1;
  Pair() {
    int both[2];
    CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, both) == 0);
    a = both[0];
    b = both[1];
  }
  ~Pair() {
    close(a);
    close(b);
  }
};

bool is_open(uint32_t fd) { return fcntl(static_cast<int>(fd), F_GETFD) >= 0; }

// A socket of a service manager, in the abstract namespace or at a path.
class Manager {
 public:
  explicit Manager(const std::string& name) : fd_(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, name.data(), name.size());
    if (name[0] == '@') address.sun_path[0] = '\0';
    const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size());
    CHECK(bind(fd_, reinterpret_cast<const sockaddr*>(&address), length) == 0);
  }
  ~Manager() { close(fd_); }
  std::string receive() const {
    char text[256];
    const ssize_t count = recv(fd_, text, sizeof text, MSG_DONTWAIT);
    return count < 0 ? "" : std::string(text, static_cast<size_t>(count));
  }

 private:
  int fd_;
};

}  // namespace

TEST("descriptors go over a unix socket with the bytes, and are copies that no program gets") {
  const Pair pair;
  int pipe_ends[2];
  REQUIRE(pipe(pipe_ends) == 0);
  const std::vector<uint32_t> sent{static_cast<uint32_t>(pipe_ends[0]), static_cast<uint32_t>(pipe_ends[1])};
  CHECK_EQUAL(send_descriptors(pair.a, bytes_of("two"), sent), ssize_t{3});
  close(pipe_ends[0]);
  close(pipe_ends[1]);
  std::array<uint8_t, 16> bytes{};
  std::array<uint32_t, 4> got{};
  const Received received = receive_descriptors(pair.b, bytes, got);
  CHECK_EQUAL(received.bytes, ssize_t{3});
  CHECK_EQUAL(received.descriptors, size_t{2});
  CHECK(std::memcmp(bytes.data(), "two", 3) == 0);
  CHECK(write(static_cast<int>(got[1]), "x", 1) == 1);
  char byte = 0;
  CHECK(read(static_cast<int>(got[0]), &byte, 1) == 1);
  CHECK_EQUAL(byte, 'x');
  CHECK_EQUAL(fcntl(static_cast<int>(got[0]), F_GETFD), FD_CLOEXEC);
  close(static_cast<int>(got[0]));
  close(static_cast<int>(got[1]));
}

TEST("nothing there, the end, and what cannot be sent") {
  Pair pair;
  std::array<uint8_t, 4> bytes{};
  std::array<uint32_t, 1> got{};
  CHECK_EQUAL(receive_descriptors(pair.b, bytes, got).bytes, ssize_t{-EAGAIN});
  CHECK_EQUAL(send_descriptors(pair.a, {}, {}), ssize_t{-EMSGSIZE});
  const std::vector<uint32_t> many(kMostDescriptors + 1, static_cast<uint32_t>(pair.a));
  CHECK_EQUAL(send_descriptors(pair.a, bytes_of("x"), many), ssize_t{-EMSGSIZE});
  const std::vector<uint32_t> closed{1U << 20};
  CHECK_EQUAL(send_descriptors(pair.a, bytes_of("x"), closed), ssize_t{-EBADF});
  shutdown(pair.a, SHUT_WR);
  CHECK_EQUAL(receive_descriptors(pair.b, bytes, got).bytes, ssize_t{0});
  CHECK_EQUAL(send_descriptors(pair.a, bytes_of("x"), {}), ssize_t{-EPIPE});
}

TEST("more descriptors than there is room for: none is left open") {
  const Pair pair;
  const std::vector<uint32_t> three(3, static_cast<uint32_t>(pair.a));
  CHECK_EQUAL(send_descriptors(pair.a, bytes_of("x"), three), ssize_t{1});
  const int next = dup(pair.a);
  close(next);
  std::array<uint8_t, 4> bytes{};
  std::array<uint32_t, 2> room{};
  const Received received = receive_descriptors(pair.b, bytes, room);
  CHECK_EQUAL(received.bytes, ssize_t{-ENOBUFS});
  CHECK_EQUAL(received.descriptors, size_t{0});
  CHECK(!is_open(static_cast<uint32_t>(next)));
  // As many as one message can have.
  const std::vector<uint32_t> most(kMostDescriptors, static_cast<uint32_t>(pair.a));
  CHECK_EQUAL(send_descriptors(pair.a, bytes_of("x"), most), ssize_t{1});
  std::array<uint32_t, kMostDescriptors> all{};
  CHECK_EQUAL(receive_descriptors(pair.b, bytes, all).descriptors, size_t{kMostDescriptors});
  for (const uint32_t fd : all) close(static_cast<int>(fd));
}

TEST("the process at the other side") {
  const Pair pair;
  PeerProcess peer{};
  CHECK_EQUAL(peer_process(pair.a, peer), 0);
  CHECK_EQUAL(peer.pid, getpid());
  CHECK_EQUAL(peer.uid, getuid());
  CHECK_EQUAL(peer.gid, getgid());
  CHECK_EQUAL(peer_process(-1, peer), EBADF);
}

TEST("only a stream socket that listens is adopted") {
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  CHECK_EQUAL(adopt_listen_socket(fd, 16), EINVAL);
  REQUIRE(listen(fd, 1) == 0);
  CHECK_EQUAL(adopt_listen_socket(fd, 16), 0);
  CHECK(fcntl(fd, F_GETFL) & O_NONBLOCK);
  CHECK_EQUAL(fcntl(fd, F_GETFD), FD_CLOEXEC);
  CHECK_EQUAL(unix_path(fd), std::string());
  close(fd);
  CHECK_EQUAL(adopt_listen_socket(fd, 16), EBADF);
  const Pair pair;
  CHECK_EQUAL(adopt_listen_socket(pair.a, 16), EINVAL);
  CHECK_EQUAL(unix_path(pair.a), std::string());
}

TEST("a unix socket has the path of its file, which stays when it is closed") {
  char directory[] = "/tmp/limpet-os-XXXXXX";
  REQUIRE(mkdtemp(directory) != nullptr);
  const std::string path = std::string(directory) + "/s";
  const int fd = open_unix_socket(path, 4);
  REQUIRE(fd >= 0);
  CHECK_EQUAL(unix_path(fd), path);
  CHECK_EQUAL(open_unix_socket(path, 4), -EADDRINUSE);
  CHECK_EQUAL(open_unix_socket(std::string(108, 'x'), 4), -EINVAL);
  close(fd);
  CHECK(access(path.c_str(), F_OK) == 0);
  unlink(path.c_str());
  rmdir(directory);
}

TEST("a service manager is told, at a path and in the abstract namespace") {
  char directory[] = "/tmp/limpet-os-XXXXXX";
  REQUIRE(mkdtemp(directory) != nullptr);
  const std::string path = std::string(directory) + "/notify";
  for (const std::string& name : {path, "@" + path}) {
    const Manager manager(name);
    CHECK_EQUAL(notify(name, "READY=1\n"), 0);
    CHECK_EQUAL(manager.receive(), "READY=1\n");
  }
  CHECK_EQUAL(notify(path, "READY=1"), ECONNREFUSED);
  CHECK_EQUAL(notify("vsock:2:1", "READY=1"), EPROTONOSUPPORT);
  CHECK_EQUAL(notify("/" + std::string(108, 'x'), "READY=1"), ENAMETOOLONG);
  unlink(path.c_str());
  rmdir(directory);
}

TEST("users and groups by name, and users by number") {
  const auto root = find_user("root");
  REQUIRE(root.has_value());
  CHECK_EQUAL(root->uid, 0U);
  CHECK_EQUAL(find_user("0")->name, std::string("root"));
  CHECK_EQUAL(find_group("root").value_or(1), 0U);
  CHECK(!find_user("no-such-user").has_value());
  CHECK(!find_user("4294967294").has_value());
  CHECK(!find_group("no-such-group").has_value());
}

// Last: it holds for the rest of the process.
TEST("no new privileges, in threads that run already, too") {
  std::atomic<int> seen{-1};
  std::atomic<bool> go{false};
  std::thread thread([&] {
    while (!go) std::this_thread::yield();
    seen = prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0);
  });
  const int error = no_new_privileges();
  go = true;
  thread.join();
  CHECK_EQUAL(error, 0);
  CHECK_EQUAL(seen.load(), 1);
}

TEST_MAIN
