// How sessions end: resets, timeouts, cuts; each counted by its cause.
#include <linux/net_tstamp.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>

#include <atomic>
#include <chrono>
#include <thread>

#include "support/flow.h"
#include "support/relay_rig.h"

using namespace limpet;
using namespace limpet::test;

namespace {

using Clock = std::chrono::steady_clock;

int64_t ms_since(Clock::time_point began) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - began).count();
}

struct Joined {
  Joined(Rig& rig, const Port& port) : client(rig.client()), backend(port.accept()) {
    CHECK(client.echoes("hello", backend));
  }
  Socket client;
  Socket backend;
};

// The other end has got everything that was written, and the FIN.
bool is_acknowledged(const Socket& socket) {
  tcp_info info{};
  socklen_t length = sizeof info;
  return getsockopt(socket.fd(), IPPROTO_TCP, TCP_INFO, &info, &length) == 0 && info.tcpi_state == TCP_FIN_WAIT2;
}

// All that was written has found room at the other end, the FIN, too. That it says so may take a while.
bool is_sent(const Socket& socket) {
  int unsent = 0;
  return ioctl(socket.fd(), SIOCOUTQNSD, &unsent) == 0 && unsent == 0;
}

// The one worker has handled what had happened before.
void settle(Rig& rig) {
  auto survey = std::make_unique<Survey>();
  CHECK(rig.relay.survey(0, std::move(survey)));
  CHECK(eventually([&] { return rig.relay.surveyed() != nullptr; }));
}

// Writes to the backend's side until the relay holds bytes back, for which the client has no room; how many those were.
uint64_t hold_back(Rig& rig, Joined& session) {
  const std::string part(32 * 1024, 'a');
  uint64_t written = 0;
  for (unsigned still = 0; still < 8;) {
    const uint64_t before = rig.count(SessionCounter::kBytesToClient);
    CHECK(session.backend.write(part));
    written += part.size();
    settle(rig);
    settle(rig);
    still = rig.count(SessionCounter::kBytesToClient) == before ? still + 1 : 0;
    // On a busy machine the kernel may be late, too.
    if (still > 0) usleep(25'000);
  }
  return written;
}

constexpr uint64_t kShortMs = 250;
// Machines under load are late, never early.
constexpr int64_t kLateMs = 10'000;
constexpr unsigned kMostTries = 50;

// Bytes that keep a session from a limit of kShortMs, for twice that time, in small steps.
class Beats {
 public:
  // Whether the two were joined all the while. Not so: was_late() says whether the test itself was held up.
  bool hold(Socket& one, Socket& other, bool both_ways) {
    for (unsigned i = 0; i < 10; i++) {
      const auto before = last_;
      const bool quiet = one.quiet_for(static_cast<int>(kShortMs / 5));
      last_ = Clock::now();
      const bool back = both_ways && i % 2 != 0;
      const bool came = quiet && (back ? one.echoes("x", other) : other.echoes("x", one));
      was_late_ = ms_since(before) >= static_cast<int64_t>(kShortMs) - 20;
      if (!came) return false;
    }
    return true;
  }
  bool was_late() const { return was_late_; }
  // Since before the last byte.
  int64_t ms() const { return ms_since(last_); }

 private:
  Clock::time_point last_ = Clock::now();
  bool was_late_ = false;
};

// Each false: the test was held up, and says nothing.
bool ends_when_idle() {
  Rig rig({.timeouts = {5'000, kShortMs, 0}});
  const Port port;
  rig.set("a", port.number());
  Beats beats;
  Joined session(rig, port);
  if (!beats.hold(session.client, session.backend, true)) {
    CHECK(beats.was_late());
    return false;
  }
  CHECK(session.client.closes());
  CHECK_WITHIN(beats.ms(), static_cast<int64_t>(kShortMs) - 20, kLateMs);
  CHECK(session.backend.closes());
  rig.check_end(SessionCounter::kEndIdleTimeout);
  return true;
}

bool ends_after_fin(bool client_first) {
  Rig rig({.timeouts = {5'000, 60'000, kShortMs}});
  const Port port;
  rig.set("a", port.number());
  Joined session(rig, port);
  Socket& ended = client_first ? session.client : session.backend;
  Socket& goes_on = client_first ? session.backend : session.client;
  CHECK(session.client.quiet_for(2 * static_cast<int>(kShortMs)));  // not before a side has ended
  Beats beats;
  ended.finish();
  CHECK(goes_on.ends());
  if (!beats.hold(ended, goes_on, false)) {
    CHECK(beats.was_late());
    return false;
  }
  CHECK(ended.closes());
  CHECK_WITHIN(beats.ms(), static_cast<int64_t>(kShortMs) - 20, kLateMs);
  rig.check_end(SessionCounter::kEndFinTimeout);
  return true;
}

}  // namespace

TEST("a client's reset goes on to the backend, after what the client had sent") {
  Rig rig;
  const Port port;
  rig.set("a", port.number());
  for (unsigned i = 0; i < 20; i++) {
    Joined session(rig, port);
    CHECK(session.client.write("last words"));
    CHECK_EQUAL(session.backend.read(10), "last words");
    session.client.reset();
    CHECK(session.backend.is_reset());
  }
  rig.check_end(SessionCounter::kEndClientReset, 20);
}

TEST("a backend's reset goes on to the client") {
  Rig rig;
  const Port port;
  rig.set("a", port.number());
  for (unsigned i = 0; i < 20; i++) {
    Joined session(rig, port);
    CHECK(session.backend.write("last words"));
    CHECK_EQUAL(session.client.read(10), "last words");
    session.backend.reset();
    CHECK(session.client.is_reset());
  }
  rig.check_end(SessionCounter::kEndBackendReset, 20);
}

TEST("a reset after a half-close ends the session at once, whichever side does both") {
  for (const bool by_client : {true, false}) {
    Rig rig;
    const Port port;
    rig.set("a", port.number());
    Joined session(rig, port);
    Socket& goes = by_client ? session.client : session.backend;
    Socket& stays = by_client ? session.backend : session.client;
    goes.finish();
    CHECK(stays.ends());
    goes.reset();
    // Well before `fin`, which is half a minute.
    CHECK(eventually([&] { return rig.relay.sessions() == 0; }, std::chrono::seconds(5)));
    CHECK(stays.closes() || !stays.write("x"));
    rig.check_end(by_client ? SessionCounter::kEndClientReset : SessionCounter::kEndBackendReset);
  }
}

TEST("a reset passes bytes that a slow reader holds up") {
  Rig rig;
  const Port port;
  rig.set("a", port.number());
  Joined session(rig, port);
  Flow flow(session.backend, session.client, 1, UINT64_MAX);
  CHECK(fill(flow, session.backend, 100));
  session.backend.reset();
  CHECK(session.client.is_reset());
  rig.check_end(SessionCounter::kEndBackendReset);
}

TEST("news of packets that the client's owner had asked for are no reset") {
  Rig rig;
  const Port port;
  rig.set("a", port.number());
  Socket client = begin_connection(rig.front.number());
  {
    const Socket accepted = rig.front.accept();
    const int wanted = SOF_TIMESTAMPING_TX_ACK | SOF_TIMESTAMPING_TX_SOFTWARE | SOF_TIMESTAMPING_SOFTWARE;
    CHECK(setsockopt(accepted.fd(), SOL_SOCKET, SO_TIMESTAMPING, &wanted, sizeof wanted) == 0);
    rig.hand_over(accepted);
  }
  Socket backend = port.accept();
  for (unsigned i = 0; i < 20; i++) {
    CHECK(client.echoes("question", backend));
    CHECK(backend.echoes("answer", client));
  }
  client.finish();
  CHECK(backend.ends());
  backend.finish();
  CHECK(client.ends());
  rig.check_end(SessionCounter::kEndFinished);
}

TEST("a writer whose reader resets is reset, though it reads nothing itself") {
  Rig rig;
  const Port port;
  rig.set("a", port.number());
  Joined session(rig, port);
  Flow flow(session.backend, session.client, 1, UINT64_MAX);
  CHECK(fill(flow, session.backend, 100));
  session.client.reset();
  CHECK(session.backend.is_reset());
  rig.check_end(SessionCounter::kEndClientReset);
}

TEST("an answer that comes with a reset in the middle of an upload still arrives") {
  Rig rig({.workers = 1});
  const Port port;
  rig.set("a", port.number());
  for (unsigned i = 0; i < 300; i++) {
    Joined session(rig, port);
    std::atomic<bool> over{false};
    std::thread uploading([&] {
      while (!over && session.client.write("more")) continue;
    });
    CHECK_EQUAL(session.backend.read(64).size(), size_t{64});
    CHECK(session.backend.write("answer"));
    session.backend.reset();
    CHECK_EQUAL(session.client.read(6), "answer");
    over = true;
    uploading.join();
    CHECK(session.client.closes());
  }
  rig.check_end(SessionCounter::kEndBackendReset, 300);
}

TEST("an answer that was passed on with its FIN is not taken back by a reset behind it") {
  Rig rig;
  const Port port;
  rig.set("a", port.number());
  const std::string answer(256 * 1024, 'a');
  for (unsigned i = 0; i < 20; i++) {
    Joined session(rig, port);
    CHECK(session.backend.write(answer));
    session.backend.finish();
    // All of it is in the sockets of a client that does not read yet.
    CHECK(rig.counts(SessionCounter::kBytesToClient, (i + 1) * answer.size()));
    session.backend.reset();
    CHECK(session.client.read_to_end() == answer);
    CHECK(rig.idle());
  }
  rig.check_end(SessionCounter::kEndBackendReset, 20);
}

TEST("nor by a client that writes on before it has read its answer") {
  Rig rig({.workers = 1});
  const Port port;
  rig.set("a", port.number());
  const std::string answer(256 * 1024, 'a');
  for (unsigned i = 0; i < 20; i++) {
    Joined session(rig, port);
    CHECK(session.backend.write(answer));
    session.backend.finish();
    CHECK(rig.counts(SessionCounter::kBytesToClient, (i + 1) * answer.size()));
    session.backend.reset();
    settle(rig);
    for (unsigned part = 0; part < 3; part++) {
      CHECK(session.client.write("an upload that nobody wants any more"));
      settle(rig);
    }
    CHECK(session.client.read_to_end() == answer);
    CHECK(rig.idle());
  }
  rig.check_end(SessionCounter::kEndBackendReset, 20);
}

TEST("a client that takes nothing of its answer is waited for a little, though it writes on") {
  Rig rig;
  const Port port;
  rig.set("a", port.number());
  Joined session(rig, port);
  const std::string answer(256 * 1024, 'a');
  CHECK(session.backend.write(answer));
  session.backend.finish();
  CHECK(rig.counts(SessionCounter::kBytesToClient, answer.size()));
  session.backend.reset();
  // Well before `fin`, which is half a minute.
  CHECK(eventually(
      [&] {
        session.client.write("more");
        return rig.relay.sessions() == 0;
      },
      std::chrono::seconds(15)));
  rig.check_end(SessionCounter::kEndBackendReset);
}

TEST("a whole answer goes on to a slow client, though its backend resets behind it") {
  Rig rig({.workers = 1});
  const Port port;
  rig.set("a", port.number());
  unsigned held = 0;
  for (unsigned tries = 0; held == 0 && tries < 20; tries++) {
    Joined session(rig, port);
    const uint64_t before = rig.count(SessionCounter::kBytesToClient);
    const uint64_t answer = hold_back(rig, session);
    session.backend.finish();
    // Where there was no room for the FIN either, this is not the case in question.
    if (!eventually([&] { return is_acknowledged(session.backend); }, std::chrono::seconds(1))) continue;
    settle(rig);
    session.backend.reset();
    settle(rig);
    // The kernel may have found room for it meanwhile.
    held += rig.count(SessionCounter::kBytesToClient) - before < answer;
    CHECK_EQUAL(session.client.skip_to_end(), answer);
    CHECK(rig.idle());
    CHECK(rig.count(SessionCounter::kEndBackendReset) > 0);
  }
  CHECK(held > 0);
}

TEST("a whole answer goes on to a slow client, though its FIN and the reset come at one time") {
  Rig rig({.workers = 1});
  const Port port;
  rig.set("a", port.number());
  unsigned whole = 0;
  for (unsigned tries = 0; whole < 5 && tries < 50; tries++) {
    Joined session(rig, port);
    const uint64_t answer = hold_back(rig, session);
    session.backend.finish();
    // The relay's kernel has all of it; the relay itself hardly yet.
    const bool fits = is_sent(session.backend);
    session.backend.reset();
    settle(rig);
    const uint64_t arrived = session.client.skip_to_end();
    if (fits) CHECK_EQUAL(arrived, answer);
    whole += fits;
    CHECK(rig.idle());
  }
  CHECK(whole > 0);
  rig.check_balance();
}

TEST("an answer and its FIN stay whole, though the relay meets the closed backend by a write first") {
  Rig rig({.workers = 1});
  const Port port;
  rig.set("a", port.number());
  // Several reads of the relay's: between two of them the backend ends, and answers the next write with a reset.
  const std::string upload(200 * 1024, 'u');
  for (uint64_t i = 0; i < rounds(300, 5'000); i++) {
    Joined session(rig, port);
    CHECK(session.client.write(upload));
    CHECK(session.backend.write("answer"));
    // Ends both ways without the reset that a close makes of unread bytes.
    shutdown(session.backend.fd(), SHUT_RDWR);
    CHECK_EQUAL(session.client.read_to_end(), "answer");
    session.client.close();
    CHECK(rig.idle());
  }
  rig.check_balance();
}

TEST("what is cut off ends with a reset, and what was whole with a FIN") {
  Rig rig({.workers = 1});
  const Port port;
  rig.set("a", port.number());
  Joined slow(rig, port);
  Joined resting(rig, port);
  Flow flow(slow.backend, slow.client, 1, UINT64_MAX);
  CHECK(fill(flow, slow.backend, 300));
  rig.relay.cut();
  CHECK(slow.client.is_reset());
  CHECK(resting.client.ends());
  rig.check_end(SessionCounter::kEndShutdown, 2);
}

TEST("idle: closed after the limit without a byte in either direction, not before") {
  unsigned tries = 1;
  while (!ends_when_idle() && tries < kMostTries) tries++;
  CHECK(tries < kMostTries);
}

TEST("idle 0 is no limit") {
  Rig rig({.timeouts = {5'000, 0, 0}});
  const Port port;
  rig.set("a", port.number());
  Joined session(rig, port);
  CHECK(session.client.quiet_for(400));
  session.client.finish();
  CHECK(session.backend.ends());
  CHECK(session.client.quiet_for(400));
  CHECK(session.backend.echoes("still here", session.client));
  session.backend.finish();
  CHECK(session.client.ends());
  rig.check_end(SessionCounter::kEndFinished);
}

TEST("fin: once a side has ended, closed after the limit without a byte of the other") {
  for (const bool client_first : {true, false}) {
    unsigned tries = 1;
    while (!ends_after_fin(client_first) && tries < kMostTries) tries++;
    CHECK(tries < kMostTries);
  }
}

TEST("fin 0: the idle limit holds for half-closed sessions") {
  Rig rig({.timeouts = {5'000, kShortMs, 0}});
  const Port port;
  rig.set("a", port.number());
  Joined session(rig, port);
  session.client.finish();
  CHECK(session.backend.ends());
  CHECK(session.client.closes());
  rig.check_end(SessionCounter::kEndIdleTimeout);
}

TEST("a client that resets while its backend is connecting is forgotten at once") {
  Rig rig;
  FullPort full;
  rig.set("a", full.number());
  Socket client = rig.client();
  CHECK(eventually([&] { return rig.backend("a")->sessions() == 1; }));
  client.reset();
  rig.check_end(SessionCounter::kEndClientGone);
  CHECK_EQUAL(rig.count(SessionCounter::kOpened), uint64_t{0});
  CHECK_EQUAL(rig.pin(), "");
}

TEST("what a client sends before its backend is connected arrives, and its end, too") {
  Rig rig;
  FullPort full;
  rig.set("a", full.number());
  Socket client = rig.client();
  CHECK(client.write("early"));
  client.finish();
  CHECK(eventually([&] { return rig.backend("a")->sessions() == 1; }));
  Socket backend = full.accept_caller();
  CHECK_EQUAL(backend.read_to_end(), "early");
  CHECK(backend.echoes("answer", client));
  backend.finish();
  CHECK(client.ends());
  rig.check_end(SessionCounter::kEndFinished);
}

TEST("cut closes every session, connecting ones too, and the relay goes on") {
  Rig rig;
  const Port port;
  rig.set("a", port.number());
  std::vector<std::unique_ptr<Joined>> sessions;
  for (unsigned i = 0; i < 10; i++) sessions.push_back(std::make_unique<Joined>(rig, port));
  sessions[0]->client.finish();
  rig.relay.cut();
  for (auto& session : sessions) CHECK(session->client.closes() && session->backend.closes());
  rig.check_end(SessionCounter::kEndShutdown, 10);
  FullPort full;
  rig.set("a", full.number());
  Socket connecting = rig.client();
  CHECK(eventually([&] { return rig.backend("a")->sessions() == 1; }));
  rig.relay.cut();
  CHECK(connecting.closes());
  rig.check_end(SessionCounter::kEndShutdown, 11);
  rig.set("a", port.number());
  // A cut is under way until every worker has seen it; after that sessions live.
  CHECK(eventually([&] {
    Socket client = rig.client();
    Socket backend = port.accept(1'000);
    return backend.open() && client.echoes("hello", backend);
  }));
}

TEST("stop closes every session, more than once is once") {
  Rig rig;
  const Port port;
  rig.set("a", port.number());
  Joined session(rig, port);
  rig.relay.stop();
  CHECK(session.client.closes() && session.backend.closes());
  rig.relay.stop();
  rig.check_end(SessionCounter::kEndShutdown);
  const Socket late = begin_connection(rig.front.number());
  CHECK_EQUAL(rig.hand_over(rig.front.accept()), static_cast<int>(HandOver::kStopped));
}

TEST_MAIN
