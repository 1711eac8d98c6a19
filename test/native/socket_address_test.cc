// Socket addresses, and what a failed connect is called.
#include "relay/socket_address.h"

#include <cerrno>
#include <cstring>

#include "relay/connector.h"
#include "support/sockets.h"
#include "support/test.h"

using namespace limpet;
using namespace limpet::test;

TEST("IPv4 and IPv6 endpoints") {
  const auto v4 = make_endpoint("192.0.2.1", 6379);
  REQUIRE(v4 != nullptr);
  CHECK_EQUAL(v4->family(), sa_family_t{AF_INET});
  CHECK_EQUAL(v4->length, socklen_t{sizeof(sockaddr_in)});
  const auto* in = reinterpret_cast<const sockaddr_in*>(v4->get());
  CHECK_EQUAL(ntohs(in->sin_port), uint16_t{6379});
  CHECK_EQUAL(ntohl(in->sin_addr.s_addr), 0xc0000201U);
  const auto v6 = make_endpoint("2001:db8::1", 65'535);
  REQUIRE(v6 != nullptr);
  CHECK_EQUAL(v6->family(), sa_family_t{AF_INET6});
  CHECK_EQUAL(ntohs(reinterpret_cast<const sockaddr_in6*>(v6->get())->sin6_port), uint16_t{65'535});
}

TEST("unix endpoints: up to the length that fits") {
  const auto one = make_endpoint("unix:/run/x.sock", 0);
  REQUIRE(one != nullptr);
  CHECK_EQUAL(std::string(reinterpret_cast<const sockaddr_un*>(one->get())->sun_path), "/run/x.sock");
  CHECK(make_endpoint("unix:", 0) == nullptr);
  CHECK(make_endpoint("unix:" + std::string(107, 'x'), 0) != nullptr);
  CHECK(make_endpoint("unix:" + std::string(108, 'x'), 0) == nullptr);
}

TEST("names and malformed addresses are no endpoints") {
  for (const char* host : {"", "localhost", "192.0.2", "192.0.2.1:80", "[::1]", "fe80::1%lo", "/run/x.sock"}) {
    CHECK(make_endpoint(host, 1) == nullptr);
  }
}

TEST("equal addresses are equal, others are not") {
  CHECK(*make_endpoint("192.0.2.1", 1) == *make_endpoint("192.0.2.1", 1));
  CHECK(!(*make_endpoint("192.0.2.1", 1) == *make_endpoint("192.0.2.1", 2)));
  CHECK(!(*make_endpoint("192.0.2.1", 1) == *make_endpoint("192.0.2.2", 1)));
  CHECK(*make_endpoint("::1", 1) == *make_endpoint("0::1", 1));
  CHECK(!(*make_endpoint("::1", 1) == *make_endpoint("::2", 1)));
  CHECK(!(*make_endpoint("::1", 1) == *make_endpoint("127.0.0.1", 1)));
  CHECK(*make_endpoint("unix:/a", 1) == *make_endpoint("unix:/a", 2));
  CHECK(!(*make_endpoint("unix:/a", 1) == *make_endpoint("unix:/b", 1)));
}

TEST("the peer of a connected socket; nobody once it is reset") {
  const Port port;
  Socket client = begin_connection(port.number(), "127.0.0.7");
  const Socket accepted = port.accept();
  const ClientAddress peer = peer_of(accepted.fd());
  CHECK_EQUAL(peer.family, ClientAddress::Family::kIpv4);
  CHECK_EQUAL(peer.bytes[3], uint8_t{7});
  CHECK_EQUAL(peer.port, local_port(client.fd()));
  client.reset();
  CHECK(wait_for(accepted.fd(), POLLHUP));
  CHECK_EQUAL(peer_of(accepted.fd()).family, ClientAddress::Family::kNone);
  int pair[2];
  REQUIRE(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
  const Socket a(pair[0]);
  const Socket b(pair[1]);
  CHECK_EQUAL(peer_of(a.fd()).family, ClientAddress::Family::kUnix);
  CHECK_EQUAL(peer_of(-1).family, ClientAddress::Family::kNone);
}

TEST("a socket that has connected to itself is detected, others are not") {
  const Socket self(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const sockaddr_in any = ipv4_socket("127.0.0.1", 0);
  REQUIRE(bind(self.fd(), reinterpret_cast<const sockaddr*>(&any), sizeof any) == 0);
  const sockaddr_in own = ipv4_socket("127.0.0.1", local_port(self.fd()));
  const int result = connect(self.fd(), reinterpret_cast<const sockaddr*>(&own), sizeof own);
  CHECK(result == 0 || errno == EINPROGRESS);
  CHECK(wait_for(self.fd(), POLLOUT));
  CHECK(is_self_connected(self.fd(), local_port(self.fd())));
  const Port port;
  const Socket client = begin_connection(port.number());
  CHECK(wait_for(client.fd(), POLLOUT));
  CHECK(!is_self_connected(client.fd(), local_port(client.fd())));
  CHECK(!is_self_connected(-1, 1));
}

TEST("only ports that the kernel gives to clients can connect to themselves") {
  CHECK(!may_self_connect(*make_endpoint("127.0.0.1", 1)));
  CHECK(!may_self_connect(*make_endpoint("unix:/a", 0)));
  const Socket client = begin_connection(Port().number());
  const uint16_t given = local_port(client.fd());
  CHECK(may_self_connect(*make_endpoint("127.0.0.1", given)));
  CHECK(may_self_connect(*make_endpoint("::1", given)));
}

TEST("beginning a connect: the outcome, and the options that a socket can be given") {
  const Port port;
  const ConnectBegun begun = begin_connect(*make_endpoint("127.0.0.1", port.number()));
  REQUIRE(begun.fd >= 0);
  const Socket socket(begun.fd);
  CHECK(wait_for(socket.fd(), POLLOUT));
  CHECK_EQUAL(socket_error(socket.fd()), 0);
  const auto option = [&](int level, int name) {
    int value = -1;
    socklen_t length = sizeof value;
    getsockopt(socket.fd(), level, name, &value, &length);
    return value;
  };
  CHECK_EQUAL(option(IPPROTO_TCP, TCP_NODELAY), 0);
  CHECK_EQUAL(option(SOL_SOCKET, SO_KEEPALIVE), 0);
  CHECK_EQUAL(set_socket_options(socket.fd(), {60, 10, 3, 5'000}), 0);
  CHECK(option(IPPROTO_TCP, TCP_NODELAY) != 0);
  CHECK(option(SOL_SOCKET, SO_KEEPALIVE) != 0);
  CHECK_EQUAL(option(IPPROTO_TCP, TCP_KEEPIDLE), 60);
  CHECK_EQUAL(option(IPPROTO_TCP, TCP_KEEPINTVL), 10);
  CHECK_EQUAL(option(IPPROTO_TCP, TCP_KEEPCNT), 3);
  CHECK_EQUAL(option(IPPROTO_TCP, TCP_USER_TIMEOUT), 5'000);
  CHECK((fcntl(socket.fd(), F_GETFL) & O_NONBLOCK) != 0);
  CHECK((fcntl(socket.fd(), F_GETFD) & FD_CLOEXEC) != 0);
}

TEST("a refused connect says so, at once or later") {
  const Port refusing(Port::Kind::kRefusing);
  const ConnectBegun begun = begin_connect(*make_endpoint("127.0.0.1", refusing.number()));
  if (begun.fd < 0) {
    CHECK_EQUAL(begun.error, ECONNREFUSED);
    return;
  }
  const Socket socket(begun.fd);
  CHECK(wait_for(socket.fd(), POLLOUT));
  CHECK_EQUAL(socket_error(socket.fd()), ECONNREFUSED);
}

TEST("causes of failed connects, and which lie in this host") {
  const std::pair<int, SessionCounter> causes[] = {
      {ECONNREFUSED, SessionCounter::kConnectRefused},      {ENOENT, SessionCounter::kConnectRefused},
      {ENETUNREACH, SessionCounter::kConnectUnreachable},   {EHOSTUNREACH, SessionCounter::kConnectUnreachable},
      {ETIMEDOUT, SessionCounter::kConnectTimeout},         {ELOOP, SessionCounter::kConnectSelf},
      {EADDRNOTAVAIL, SessionCounter::kConnectNoLocalPort}, {EACCES, SessionCounter::kConnectOther}};
  for (const auto& [error, counter] : causes) CHECK_EQUAL(connect_counter(error), counter);
  for (const int error : {EADDRNOTAVAIL, EINVAL, EMFILE, ENFILE, ENOBUFS, ENOMEM}) CHECK(is_local_failure(error));
  for (const int error : {ECONNREFUSED, ETIMEDOUT, EHOSTUNREACH, ENETUNREACH, ECONNRESET})
    CHECK(!is_local_failure(error));
}

TEST_MAIN
