// What an operator sees of live sessions, and the end that one may put to them.
#include <algorithm>

#include "worker.h"

namespace limpet {

namespace {

// Places that are looked at in one wake-up: some 20 µs.
constexpr uint32_t kMostPlaces = 4096;

bool matches(const Session& session, const Survey& survey) {
  if (survey.listener != Survey::kAny && session.listener->id != survey.listener) return false;
  return survey.pool == Survey::kAny || (!session.unrouted && session.relay_pool().id == survey.pool);
}

}  // namespace

void Worker::look(Survey& survey) {
  uint32_t place = std::min(survey.from, slab_.places());
  const uint32_t last = place + std::min(slab_.places() - place, kMostPlaces);
  for (; place < last && survey.found.size() < survey.most; place++) {
    const Session* const session = slab_.at(place);
    if (!session || !matches(*session, survey)) continue;
    const RecordKind kind = session->connected ? RecordKind::kOpen : RecordKind::kConnecting;
    survey.found.push_back({record_of(*session, kind), place, 0, now_ms_ - session->active_ms});
  }
  survey.next = place < slab_.places() ? place : Survey::kEnd;
  survey.done.store(true, std::memory_order_release);
}

Session* Worker::find(uint32_t place, uint64_t id) {
  Session* const session = place < slab_.places() ? slab_.at(place) : nullptr;
  // Its place may be another one's by now.
  return session && session->id == id ? session : nullptr;
}

void Worker::close_session(uint32_t place, uint64_t id) {
  if (Session* const session = find(place, id)) end(*session, SessionCounter::kEndClosed, false);
}

}  // namespace limpet
