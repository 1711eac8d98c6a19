// What an operator sees of live sessions while they come and go, and the end of one of them.
#include <set>
#include <thread>

#include "support/relay_rig.h"

using namespace limpet;
using namespace limpet::test;

namespace {

std::unique_ptr<Survey> asked(uint32_t from, size_t most) {
  auto survey = std::make_unique<Survey>();
  survey->from = from;
  survey->most = most;
  return survey;
}

std::unique_ptr<Survey> answer(Rig& rig) {
  std::unique_ptr<Survey> survey;
  CHECK(eventually([&] { return (survey = rig.relay.surveyed()) != nullptr; }));
  return survey;
}

struct Seen {
  unsigned thread;
  SessionSight sight;
};

// Everything that all threads have, page by page.
std::vector<Seen> look(Rig& rig, size_t most, uint32_t pool = Survey::kAny, uint32_t listener = Survey::kAny) {
  std::vector<Seen> all;
  for (unsigned thread = 0; thread < rig.relay.threads(); thread++) {
    for (uint32_t from = 0; from != Survey::kEnd;) {
      auto survey = asked(from, most);
      survey->pool = pool;
      survey->listener = listener;
      CHECK(rig.relay.survey(thread, std::move(survey)));
      const auto found = answer(rig);
      CHECK(found->found.size() <= most);
      for (const SessionSight& sight : found->found) all.push_back({thread, sight});
      from = found->next;
    }
  }
  return all;
}

}  // namespace

TEST("live sessions are seen by their threads, each once, whatever the size of a page") {
  Rig rig({.workers = 3});
  const Port port;
  rig.set("a", port.number());
  std::vector<Socket> clients;
  for (int i = 0; i < 50; i++) clients.push_back(rig.client());
  CHECK(rig.counts(SessionCounter::kOpened, 50));
  for (const size_t most : {size_t{1}, size_t{7}, size_t{512}}) {
    std::set<uint64_t> ids;
    for (const auto& [thread, sight] : look(rig, most)) {
      ids.insert(sight.record.session);
      CHECK(sight.record.kind == RecordKind::kOpen);
      CHECK_EQUAL(sight.record.session & 0xff, uint64_t{thread + 1});
    }
    CHECK_EQUAL(ids.size(), size_t{50});
  }
  CHECK_EQUAL(look(rig, 100, rig.pool_id, rig.listener).size(), size_t{50});
  CHECK_EQUAL(look(rig, 100, rig.pool_id + 1).size(), size_t{0});
  CHECK_EQUAL(look(rig, 100, Survey::kAny, rig.listener + 1).size(), size_t{0});
  for (Socket& client : clients) client.reset();
  rig.check_balance();
  CHECK(look(rig, 100).empty());
}

TEST("a session is closed by its place and its id, and nobody who has its place later") {
  Rig rig({.workers = 1});
  const Port port;
  rig.set("a", port.number());
  Socket first = rig.client();
  CHECK(rig.counts(SessionCounter::kOpened, 1));
  const SessionSight sight = look(rig, 10).at(0).sight;
  rig.relay.close_session(0, sight.place, sight.record.session + 256);
  rig.relay.close_session(0, sight.place + 1000, sight.record.session);
  rig.relay.close_session(7, sight.place, sight.record.session);
  rig.relay.close_session(0, sight.place, sight.record.session);
  CHECK(first.ends());
  CHECK(rig.idle());
  Socket second = rig.client();
  CHECK(rig.counts(SessionCounter::kOpened, 2));
  const SessionSight now = look(rig, 10).at(0).sight;
  CHECK_EQUAL(now.place, sight.place);
  rig.relay.close_session(0, sight.place, sight.record.session);
  CHECK_EQUAL(look(rig, 10).size(), size_t{1});
  CHECK_EQUAL(rig.count(SessionCounter::kEndClosed), uint64_t{1});
  second.reset();
  rig.check_balance();
}

TEST("one look at a time; one that is under way ends with the relay") {
  Rig rig({.workers = 1});
  CHECK(!rig.relay.surveyed());
  CHECK(!rig.relay.survey(1, asked(0, 10)));
  CHECK(rig.relay.survey(0, asked(0, 10)));
  CHECK(!rig.relay.survey(0, asked(0, 10)));
  answer(rig);
  CHECK(rig.relay.survey(0, asked(0, 10)));
  rig.relay.stop();
  CHECK(rig.relay.surveyed() != nullptr);
  CHECK(!rig.relay.survey(0, asked(0, 10)));
  rig.relay.close_session(0, 0, 0);
}

TEST("sessions are seen and closed while others come and go") {
  Rig rig({.workers = 2});
  const Port port;
  rig.set("a", port.number());
  rig.listen();
  rig.relay.accept(rig.listener);
  std::atomic<bool> enough{false};
  std::thread visitors([&] {
    for (int i = 0; i < 200; i++) {
      Socket client = begin_connection(rig.own_port());
      client.write("x");
      client.ends();
    }
    enough = true;
  });
  std::thread backend([&] {
    for (int i = 0; i < 200; i++) {
      Socket socket = port.accept();
      socket.read(1);
      // Every other one is left to the operator.
      if (i % 2 == 0) continue;
      socket.ends();
    }
  });
  while (!enough) {
    for (const auto& [thread, sight] : look(rig, 16)) {
      rig.relay.close_session(thread, sight.place, sight.record.session);
    }
  }
  visitors.join();
  backend.join();
  rig.check_balance();
  CHECK(rig.count(SessionCounter::kEndClosed) > 0);
}

TEST_MAIN
