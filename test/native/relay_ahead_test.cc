// What is sent ahead of a direction's bytes: the header of the PROXY protocol.
#include <cstring>

#include "../../native/relay/copier.h"
#include "support/sockets.h"
#include "support/test.h"

using namespace limpet;
using namespace limpet::test;

namespace {

constexpr unsigned kRow = 0;

// A session whose sides are the ends of two socket pairs; the test has the other ends.
struct Pair {
  Pair() {
    int client_ends[2];
    int backend_ends[2];
    CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, client_ends) == 0);
    CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, backend_ends) == 0);
    client = Socket(client_ends[0]);
    backend = Socket(backend_ends[0]);
    relay_client = Socket(client_ends[1]);
    relay_backend = Socket(backend_ends[1]);
    for (const Which which : {Which::kClient, Which::kBackend}) {
      Side& side = session.side(which);
      side.fd = (which == Which::kClient ? relay_client : relay_backend).fd();
      side.writable = side.probe = true;
    }
  }
  ~Pair() { copier.drop(session.side(Which::kClient)); }

  bool send_ahead(std::string_view text) {
    std::memcpy(copier.room().data(), text.data(), text.size());
    return copier.send_ahead(session, Which::kClient, static_cast<uint32_t>(text.size()));
  }
  // Fills the way to the backend; how many bytes that took.
  size_t fill() {
    relay_backend.set_send_buffer(1);
    size_t filled = 0;
    const std::string chunk(256, 'x');
    ssize_t n;
    while ((n = send(relay_backend.fd(), chunk.data(), chunk.size(), MSG_NOSIGNAL)) > 0)
      filled += static_cast<size_t>(n);
    return filled;
  }
  CopyResult copy() {
    session.side(Which::kClient).readable = session.side(Which::kBackend).writable = true;
    return copier.copy(session, Which::kClient, moved);
  }

  SessionCounters counters{1};
  Copier copier{SessionCounterRow{counters, kRow}};
  Session session;
  Socket client;
  Socket backend;
  Socket relay_client;
  Socket relay_backend;
  uint64_t moved = 0;
};

}  // namespace

TEST("it goes out at once, and is not counted") {
  Pair pair;
  CHECK(pair.send_ahead("header"));
  CHECK_EQUAL(pair.backend.read(6), std::string("header"));
  CHECK(pair.client.write("hello"));
  CHECK(pair.copy() == CopyResult::kIdle);
  CHECK_EQUAL(pair.backend.read(5), std::string("hello"));
  CHECK_EQUAL(pair.moved, uint64_t{5});
}

TEST("what does not fit waits, and comes before what the client sent, whether that was read before or after") {
  for (const bool was_read : {false, true}) {
    Pair pair;
    Side& from = pair.session.side(Which::kClient);
    if (was_read) {
      // As a socket that is handed over brings it.
      from.backlog = {.data = static_cast<uint8_t*>(std::malloc(5)), .begin = 0, .end = 5};
      std::memcpy(from.backlog.data, "early", 5);
      from.bytes = 5;
    }
    const size_t filled = pair.fill();
    CHECK(pair.send_ahead("header"));
    CHECK(from.holds());
    CHECK_EQUAL(from.held(), uint64_t{was_read ? 5U : 0U});
    CHECK(from.has_more());
    CHECK(pair.client.write("hello"));
    pair.client.finish();
    CHECK(pair.copy() == CopyResult::kIdle);
    CHECK_EQUAL(pair.moved, uint64_t{0});
    CHECK(!pair.session.side(Which::kBackend).shut);

    CHECK_EQUAL(pair.backend.read(filled).size(), filled);
    CHECK(pair.copy() == CopyResult::kEnded);
    const std::string rest = was_read ? "earlyhello" : "hello";
    CHECK_EQUAL(pair.backend.read(100), "header" + rest);
    CHECK_EQUAL(pair.moved, uint64_t{rest.size()});
    CHECK_EQUAL(from.held(), uint64_t{0});
  }
}

TEST("a backend that is gone is seen where it would be without it") {
  Pair pair;
  pair.backend.close();
  CHECK(pair.send_ahead("header"));
  CHECK(pair.session.side(Which::kBackend).failed);
  CHECK(!pair.session.side(Which::kClient).holds());
}

TEST("what never got through is forgotten with the session") {
  Pair pair;
  pair.fill();
  CHECK(pair.send_ahead("header"));
  pair.copier.drop(pair.session.side(Which::kClient));
  CHECK(!pair.session.side(Which::kClient).holds());
}

TEST_MAIN
