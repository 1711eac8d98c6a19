// Listeners that serve several pools: by what a client asks for, by its port, and by nothing.
#include "support/client_hello.h"
#include "support/echo.h"
#include "support/relay_rig.h"

using namespace limpet;
using namespace limpet::test;

namespace {

constexpr uint64_t kForever = 60'000;
const HeadRules kBySni{{{.source = HeadSource::kTlsSni}}, KeyFallback::kSource};

// The rig's pool `a`, and another one, `b`, behind a listener with routes.
struct RouteRig : Rig {
  explicit RouteRig(std::vector<RouteRule> rules, HeadRules head = {}, uint64_t timeout_ms = kForever,
                    uint32_t max_sessions = 0)
      : Rig({.record = true, .head = head}), other(std::make_shared<Pool>(pool_rules({.table_size = 1'000}), domain)) {
    const uint32_t ids[] = {pool_id, other_id = relay.add_pool(other, {5'000, 30'000, 30'000}, {7, 3, 2, 500}, 3)};
    listener = static_cast<uint32_t>(
        relay.add_listener(pool_id, max_sessions, false, nullptr, Relay::kNone, {16 * 1024, timeout_ms}));
    CHECK(relay.set_routes(listener, std::make_shared<const RouteRules>(std::move(rules)), ids));
    set("a", a.number());
    CHECK(other->set_backend("b", {make_endpoint("127.0.0.1", b.number()), 1, 0, BackendState::kReady}) >= 0);
    other->publish();
  }
  // A client that says this gets it back from the one, not from the other.
  void check_served(const std::string& head, EchoServer& by) {
    EchoServer& not_by = &by == &a ? b : a;
    const auto others = not_by.accepted();
    Socket client = this->client();
    CHECK(client.write(head));
    CHECK_EQUAL(client.read(head.size()), head);
    CHECK_EQUAL(not_by.accepted(), others);
  }

  std::shared_ptr<Pool> other;
  uint32_t other_id = 0;
  EchoServer a;
  EchoServer b;
};

std::vector<RouteRule> by_names() {
  return {{.server_name = "a.example", .place = 0}, {.server_name = "*.b.example", .place = 1}};
}

}  // namespace

TEST("a name chooses the pool, and every byte arrives") {
  RouteRig rig(by_names());
  rig.check_served(client_hello("a.example"), rig.a);
  rig.check_served(client_hello("x.b.example"), rig.b);
  rig.check_end(SessionCounter::kEndFinished, 2);
  CHECK_EQUAL(rig.count(SessionCounter::kKeyFound), uint64_t{0});
}

TEST("at every split of the hello, without a backend until it is whole") {
  RouteRig rig(by_names());
  const std::string hello = client_hello("x.b.example");
  std::vector<Socket> clients;
  for (size_t at = 1; at < hello.size(); at++) {
    clients.push_back(rig.client());
    CHECK(clients.back().write(hello.substr(0, at)));
  }
  CHECK(eventually([&] { return rig.relay.sessions() == clients.size(); }));
  CHECK_EQUAL(rig.other->seats() + rig.pool->seats(), uint64_t{0});
  for (size_t at = 1; at < hello.size(); at++) CHECK(clients[at - 1].write(hello.substr(at)));
  for (Socket& client : clients) CHECK_EQUAL(client.read(hello.size()), hello);
  CHECK_EQUAL(rig.b.accepted(), clients.size());
  clients.clear();
  rig.check_end(SessionCounter::kEndFinished, hello.size() - 1);
}

TEST("byte by byte, also where the first ones were read before the hand-over") {
  RouteRig rig(by_names());
  const std::string hello = client_hello("a.example");
  for (const size_t read : {size_t{0}, size_t{1}, size_t{40}, hello.size()}) {
    Socket client = rig.client("127.0.0.1", hello.substr(0, read));
    for (const char byte : hello.substr(read)) CHECK(client.write({&byte, 1}));
    CHECK_EQUAL(client.read(hello.size()), hello);
  }
  rig.check_end(SessionCounter::kEndFinished, 4);
}

TEST("one look serves the pool and its key") {
  RouteRig rig(by_names(), kBySni);
  rig.check_served(client_hello("a.example"), rig.a);
  CHECK_EQUAL(rig.count(SessionCounter::kKeyFound), uint64_t{1});
  // The other pool looks for none.
  rig.check_served(client_hello("x.b.example"), rig.b);
  rig.check_end(SessionCounter::kEndFinished, 2);
  CHECK_EQUAL(rig.count(SessionCounter::kKeyFound), uint64_t{1});
}

TEST("without a route a client is closed, counted, and of no pool") {
  RouteRig rig(by_names());
  for (const std::string& head : {client_hello("c.example"), std::string("GET /")}) {
    Socket client = rig.client();
    CHECK(client.write(head));
    CHECK_EQUAL(client.read(1), std::string(""));
  }
  rig.check_end(SessionCounter::kRefusedNoRoute, 2);
  const auto records = rig.drain();
  CHECK_EQUAL(records.size(), size_t{2});
  for (const SessionRecord& record : records) {
    CHECK_EQUAL(record.kind, RecordKind::kRefused);
    CHECK_EQUAL(record.pool, UINT32_MAX);
  }
}

TEST("the rest goes to the default, and a client that says nothing does when the time is over") {
  RouteRig rig({{.server_name = "a.example", .place = 0}, {.place = 1}}, {}, 50);
  rig.check_served("GET /", rig.b);
  Socket silent = rig.client();
  CHECK(eventually([&] { return rig.b.accepted() == 2; }));
  CHECK(silent.write("late"));
  CHECK_EQUAL(silent.read(4), std::string("late"));
  silent.close();
  rig.check_end(SessionCounter::kEndFinished, 2);
  const auto records = rig.drain();
  CHECK(std::all_of(records.begin(), records.end(), [&](const auto& one) { return one.pool == rig.other_id; }));
}

TEST("a port chooses the pool of a client that says nothing, and its socket has the keepalive of that pool") {
  RouteRig rig({{.port = 1, .place = 0}, {.place = 1}});
  Socket client = begin_connection(rig.front.number(), "127.0.0.1");
  Socket accepted = rig.front.accept();
  rig.hand_over(accepted);
  CHECK(eventually([&] { return rig.b.accepted() == 1; }));
  int idle = 0;
  socklen_t length = sizeof idle;
  CHECK_EQUAL(getsockopt(accepted.fd(), IPPROTO_TCP, TCP_KEEPIDLE, &idle, &length), 0);
  CHECK_EQUAL(idle, 7);
}

TEST("the port that a client came to is its own") {
  RouteRig rig({{.port = 1, .place = 0}});
  const std::vector<RouteRule> rules{{.port = rig.front.number(), .place = 1}};
  const uint32_t ids[] = {rig.pool_id, rig.other_id};
  rig.listener = static_cast<uint32_t>(rig.relay.add_listener(rig.pool_id, 0, false));
  CHECK(rig.relay.set_routes(rig.listener, std::make_shared<const RouteRules>(rules), ids));
  rig.check_served("x", rig.b);
  rig.check_end(SessionCounter::kEndFinished);
}

TEST("max_sessions counts the sessions of all pools") {
  RouteRig rig(by_names(), {}, kForever, 2);
  Socket first = rig.client();
  CHECK(first.write(client_hello("a.example")));
  Socket second = rig.client();
  CHECK(second.write(client_hello("x.b.example")));
  CHECK(eventually([&] { return rig.a.accepted() + rig.b.accepted() == 2; }));
  Socket third = rig.client();
  CHECK_EQUAL(rig.handed, static_cast<int>(HandOver::kMaxSessions));
  CHECK_EQUAL(rig.relay.sessions_of(rig.listener), int64_t{2});
}

TEST("a pool that routes lead to is kept while the listener has sessions") {
  RouteRig rig(by_names());
  Socket client = rig.client();
  CHECK(client.write(client_hello("x.b.example").substr(0, 10)));
  CHECK(eventually([&] { return rig.relay.sessions() == 1; }));
  CHECK(!rig.relay.let_go(rig.other_id));
  client.close();
  CHECK(rig.idle());
  CHECK(eventually([&] { return rig.relay.let_go(rig.other_id); }));
}

TEST("routes are refused that lead to no pool") {
  RouteRig rig(by_names());
  const auto rules = std::make_shared<const RouteRules>(by_names());
  const uint32_t one[] = {rig.pool_id};
  const uint32_t unknown[] = {rig.pool_id, 1000};
  CHECK(!rig.relay.set_routes(rig.listener, rules, one));
  CHECK(!rig.relay.set_routes(rig.listener, rules, unknown));
  CHECK(!rig.relay.set_routes(1000, rules, unknown));
}

TEST("clients that leave while they have no pool are forgotten, and those who stay end with the relay") {
  RouteRig rig(by_names());
  Socket leaves = rig.client();
  Socket stays = rig.client();
  CHECK(leaves.write("\x16"));
  CHECK(eventually([&] { return rig.relay.sessions() == 2; }));
  leaves.reset();
  CHECK(rig.counts(SessionCounter::kEndClientGone, 1));
  rig.relay.cut();
  rig.check_balance();
  CHECK_EQUAL(rig.count(SessionCounter::kEndShutdown), uint64_t{1});
}

TEST_MAIN
