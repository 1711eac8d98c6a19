// The pool: backends that come, change and go, and sessions that are picked, redispatched, confirmed and released, on
// one thread. Every choice is compared with a second implementation, every count and pin with a model. Input: size of
// the table, bound, kind of placement and way home, then operations.
#include "pool_model.h"

using namespace limpet;
using namespace limpet::test;
using namespace limpet::fuzz;

namespace {

constexpr size_t kMostSeats = 40;
constexpr unsigned kNames = 7;

constexpr size_t kTables[] = {kAmple, kAmple, 1, 2, 0};
constexpr uint32_t kBounds[] = {1000, 1050, 1250, 2000, 0};
// Rendezvous takes 2 MiB a membership, which is slow to make under ASan.
constexpr ReturnHome kReturns[] = {ReturnHome::kNever, ReturnHome::kNextConnect, ReturnHome::kAfterIdle};
constexpr PlacementKind kKinds[] = {PlacementKind::kRing, PlacementKind::kRing, PlacementKind::kRing,
                                    PlacementKind::kRendezvous};
constexpr uint32_t kWeights[] = {1, 1, 2, 3, 0, 300};
constexpr uint32_t kLimits[] = {0, 0, 0, 1, 2, 5};
constexpr BackendState kStates[] = {BackendState::kReady, BackendState::kReady, BackendState::kReady,
                                    BackendState::kDrain, BackendState::kDown};

class Player {
 public:
  explicit Player(Input& input)
      : input_(input),
        pool_({.bound_milli = input.one_of(kBounds),
               .table_size = input.one_of(kTables),
               .kind = input.one_of(kKinds),
               .ring_points = 4,
               .return_home = input.one_of(kReturns)}),
        model_(pool_) {}

  void play() {
    for (unsigned i = 0; i < 3; i++) set(i);
    pool_.pool.publish();
    while (!input_.ended()) {
      step();
      model_.check();
    }
    while (!sessions_.empty()) release(sessions_.size() - 1, sessions_.size() % 2 == 0);
    model_.check();
    pool_.check_empty();
    check_freed();
  }

 private:
  void step() {
    const unsigned operation = input_.below(20);
    if (operation < 5) {
      come(input_.below(kClients + 1), operation == 0);
    } else if (operation < 6) {
      pool_.now_ms += input_.byte() * kTtlMs / 128;
    } else if (operation < 7) {
      pool_.pool.publish();
    } else if (operation < 9) {
      set(input_.below(kNames));
    } else if (operation < 10) {
      const std::string name = "b" + std::to_string(input_.below(kNames));
      EXPECT_EQUAL(pool_.pool.remove_backend(name), names_.erase(name) == 1);
    } else if (!sessions_.empty()) {
      step_of(input_.byte() % sessions_.size(), operation);
    }
  }

  void step_of(size_t at, unsigned operation) {
    if (operation < 14) {
      redispatch(at, operation == 13);
    } else if (operation < 16) {
      confirm(sessions_[at]);
    } else {
      release(at, operation < 18);
    }
  }

  void set(unsigned number) {
    const std::string name = "b" + std::to_string(number);
    const int64_t identity = pool_.set(name, input_.one_of(kWeights), input_.one_of(kLimits), input_.one_of(kStates));
    EXPECT(identity >= 0);
    if (names_.insert(name).second) model_.added(identity);
  }

  void come(unsigned client, bool at_once) {
    if (sessions_.size() == kMostSeats) return;
    Session session{{}, client};
    const Found before = model_.found(client);
    const Verdict wanted = verdict(session, judge);
    const PickStatus status =
        client == kNobody ? pool_.pick_without_key(session.seat) : pool_.pick(client, session.seat);
    check_choice(session, status, wanted);
    if (status != PickStatus::kOk) return;
    model_.began(session, before);
    sessions_.push_back(session);
    if (at_once) confirm(sessions_.back());
  }

  void redispatch(size_t at, bool local_failure) {
    Session& session = sessions_[at];
    if (session.seat.established || session.seat.tried_count == kMaxRetries) return;
    const Verdict wanted = verdict(session, judge_redispatch);
    model_.left(session);
    const PickStatus status = pool_.redispatch(session.seat, local_failure);
    check_choice(session, status, wanted);
    if (status == PickStatus::kOk) {
      model_.took(session);
    } else {
      release(at, true);
    }
  }

  // Whether there is a seat for a client without a key does not depend on any order: that of a key that has no pin.
  template <typename Judge>
  Verdict verdict(const Session& session, Judge judge) {
    return judge(pool_, session.client == kNobody ? kClients : session.client, session.seat);
  }

  void check_choice(const Session& session, PickStatus status, const Verdict& wanted) {
    EXPECT_EQUAL(status, wanted.status);
    if (status != PickStatus::kOk) return;
    const Seat& seat = session.seat;
    const RosterEntry* const entry = pool_.entry(seat.backend->name);
    EXPECT(entry && entry->backend == seat.backend);
    EXPECT(entry->max_sessions == 0 || seat.backend->sessions() <= entry->max_sessions);
    if (session.client == kNobody) {
      EXPECT_EQUAL(seat.reason, seat.tried_count > 0 ? Reason::kRedispatch : Reason::kNoKey);
    } else {
      EXPECT_EQUAL(seat.backend->name, wanted.name);
      EXPECT_EQUAL(seat.reason, wanted.reason);
    }
  }

  void confirm(Session& session) {
    const bool again = session.seat.established;
    pool_.confirm(session.seat);
    if (!again) model_.confirmed(session);
  }

  void release(size_t at, bool failed) {
    std::swap(sessions_[at], sessions_.back());
    Session session = sessions_.back();
    sessions_.pop_back();
    if (session.seat.backend) model_.left(session);
    pool_.release(session.seat, failed);
    model_.ended(session.client);
  }

  // The first roster without them still names them, as removed; the second does not.
  void check_freed() {
    for (const std::string& name : names_) pool_.pool.remove_backend(name);
    for (unsigned i = 0; i < 2; i++) pool_.pool.publish();
    unsigned records = 0;
    pool_.pool.registry().each([&](const Backend&) { records++; });
    EXPECT_EQUAL(records, 0U);
  }

  Input& input_;
  TestPool pool_;
  PoolModel model_;
  std::vector<Session> sessions_;
  std::set<std::string> names_;  // staged
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Input input(data, size);
  Player(input).play();
  return 0;
}
