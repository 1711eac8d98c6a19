// What a pick costs inside C++: pick + release by one or more threads, keys drawn at random from a table filled with
// `pins` keys. Prints one JSON object.
//   pick PINS BACKENDS THREADS SECONDS
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <random>
#include <thread>
#include <vector>

#include "../../native/core/pool.h"

using namespace limpet;

namespace {

using Clock = std::chrono::steady_clock;

Secret random_secret() {
  std::random_device device;
  Secret secret;
  for (auto& byte : secret) byte = static_cast<uint8_t>(device());
  return secret;
}

uint64_t now_ms() {
  return static_cast<uint64_t>(
      std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now().time_since_epoch()).count());
}

/** CPU seconds of all threads of this process. */
double cpu_seconds() { return static_cast<double>(std::clock()) / CLOCKS_PER_SEC; }

void pick_once(Pool& pool, EpochThread& thread, uint64_t client, uint64_t now) {
  Seat seat;
  const AffinityKey key{0x0a000000 + client, KeyKind::kIpv4};
  if (pool.pick(thread, key, seat, now) != PickStatus::kOk) std::abort();
  if (!seat.pinned) pool.confirm(thread, seat, now);
  pool.release(seat, false, now);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 5) {
    std::fprintf(stderr, "pick PINS BACKENDS THREADS SECONDS\n");
    return 64;
  }
  const auto pins = static_cast<uint64_t>(std::atoll(argv[1]));
  const int backends = std::atoi(argv[2]);
  const int threads = std::atoi(argv[3]);
  const double seconds = std::atof(argv[4]);

  PoolRules rules;
  rules.placement.secret = random_secret();
  rules.table_secret = random_secret();
  rules.table_size = pins;
  rules.ttl_ms = 30ULL * 60 * 1000;
  rules.session_hint = 10'000;
  Pool pool(rules, std::make_shared<EpochDomain>());
  for (int i = 0; i < backends; i++) {
    pool.set_backend("backend-" + std::to_string(i), {nullptr, 1, 0, BackendState::kReady});
  }
  const auto publish_begin = Clock::now();
  pool.publish();
  const double publish_us = std::chrono::duration<double, std::micro>(Clock::now() - publish_begin).count();
  {
    EpochThread thread(pool.domain());
    for (uint64_t client = 0; client < pins; client++) pick_once(pool, thread, client, now_ms());
  }

  std::atomic<bool> stop{false};
  std::atomic<uint64_t> picks{0};
  std::vector<std::thread> pickers;
  const double cpu_begin = cpu_seconds();
  const auto begin = Clock::now();
  for (int t = 0; t < threads; t++) {
    pickers.emplace_back([&, t] {
      EpochThread thread(pool.domain());
      std::mt19937_64 random(static_cast<uint64_t>(t) + 1);
      uint64_t done = 0;
      do {                               // at least once: on a busy machine the time may be over before a thread begins
        const EpochGuard guard(thread);  // once a batch, as a relay thread does
        const uint64_t now = now_ms();
        for (int i = 0; i < 256; i++) pick_once(pool, thread, random() % pins, now);
        done += 256;
      } while (!stop.load(std::memory_order_relaxed));
      picks.fetch_add(done);
    });
  }
  std::this_thread::sleep_for(std::chrono::duration<double>(seconds));
  stop.store(true);
  for (auto& picker : pickers) picker.join();
  const double took = std::chrono::duration<double>(Clock::now() - begin).count();
  const double cpu = cpu_seconds() - cpu_begin;
  const auto done = static_cast<double>(picks.load());
  std::printf("{\"perSecond\":%.0f,\"cpuNanos\":%.2f,\"bytesPerPin\":%.2f,\"publishMicros\":%.1f}\n", done / took,
              cpu * 1e9 / done,
              static_cast<double>(pool.table()->bytes()) / static_cast<double>(pool.table()->entries()), publish_us);
  return 0;
}
