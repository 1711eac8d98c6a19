#include "measure.h"

#include <unistd.h>

#include <thread>

#include "clocks.h"
#include "report.h"

namespace limpet::bench {

namespace {

// For a count: if something hangs, it must end.
constexpr int kLongestCountMs = 120'000;
// A window in which nothing was done at all goes on for so long: a busy machine may give short ones no time.
constexpr int kLongestExtraMs = 4000;
constexpr int kExtraMs = 100;

struct Reading {
  uint64_t wall;
  uint64_t units;
  uint64_t bytes;
  uint64_t watched;
  uint64_t load;
  uint64_t backend;
  uint64_t machine;
};

Reading read_all(const Trial& trial, const Window& window) {
  Reading reading{};
  for (const uint64_t pid : window.watched) reading.watched += cpu_ns(pid);
  reading.load = cpu_ns(static_cast<uint64_t>(getpid()));
  reading.backend = window.backend == 0 ? 0 : cpu_ns(window.backend);
  reading.machine = machine_busy_ns();
  reading.wall = monotonic_ns();
  reading.units = trial.units.load(std::memory_order_relaxed);
  reading.bytes = trial.bytes.load(std::memory_order_relaxed);
  return reading;
}

// Whether nothing was done since.
bool is_at(const Trial& trial, const Reading& reading) {
  return trial.units.load(std::memory_order_relaxed) == reading.units &&
         trial.bytes.load(std::memory_order_relaxed) == reading.bytes;
}

void print_result(const Trial& trial, const Reading& begin, const Reading& end, const Histogram& latency) {
  JsonObject json;
  json.add("units", end.units - begin.units).add("bytes", end.bytes - begin.bytes).add("ns", end.wall - begin.wall);
  json.add("watchedCpuNs", end.watched - begin.watched).add("loadCpuNs", end.load - begin.load);
  json.add("backendCpuNs", end.backend - begin.backend).add("machineCpuNs", end.machine - begin.machine);
  json.add_raw("latencyNs", latency_json(latency)).add_raw("faults", faults_json(trial.faults));
  print(json);
}

}  // namespace

void measure(Trial& trial, Event& stop, unsigned threads, const Window& window,
             const std::function<std::unique_ptr<Client>()>& make) {
  if (window.count != 0) trial.remaining = static_cast<int64_t>(window.count);
  Event all_ended;
  std::atomic<unsigned> running{threads};
  std::vector<std::unique_ptr<Client>> clients;
  for (unsigned i = 0; i < threads; i++) clients.push_back(make());
  Reading begin = read_all(trial, window);
  trial.recording = window.count != 0;
  std::vector<std::thread> bodies;
  for (const auto& client : clients) {
    bodies.emplace_back([&, body = client.get()] {
      body->run();
      if (running.fetch_sub(1) == 1) all_ended.set();
    });
  }
  if (window.count != 0) {
    all_ended.wait(kLongestCountMs);
  } else if (!all_ended.wait(static_cast<int>(window.warmup_ms))) {
    begin = read_all(trial, window);
    trial.recording = true;
    bool ended = all_ended.wait(static_cast<int>(window.ms));
    for (int extra = 0; !ended && extra < kLongestExtraMs && is_at(trial, begin); extra += kExtraMs) {
      ended = all_ended.wait(kExtraMs);
    }
  }
  const Reading end = read_all(trial, window);
  stop.set();
  for (std::thread& body : bodies) body.join();
  if (window.count != 0 && trial.faults.total() == 0 && end.units != window.count) trial.faults.count(Fault::kStalled);
  Histogram latency;
  for (const auto& client : clients) latency.add(client->latency());
  print_result(trial, begin, end, latency);
}

}  // namespace limpet::bench
