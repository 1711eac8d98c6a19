// The load generator of `limpet bench relay` and `scale`, and its backends. One run is one cell of the benchmark; what
// it found is a line of JSON on standard output. Whatever goes wrong is counted in its "faults".
//
//   limpet-bench-load backend --ports 10 --threads 1 [--corrupt-every N] [--skip N]
//       {"pid":…,"ports":[…]}, and totals at the end
//   limpet-bench-load connection --target A:P,… --at-once 32 [--idle N] [--head HEX] …
//       {"units":…,"watchedCpuNs":…,"latencyNs":{…},…}
//   limpet-bench-load round-trip --target A:P,… --sessions 32 --in-flight 32 …
//   limpet-bench-load bulk --target A:P,… --sessions 4 --down 1 --up 0 …
//   limpet-bench-load idle --target A:P,… --sessions 1000
//       {"open":N}, and faults at the end
//
// backend and idle rest until their standard input ends, so that they do not outlive the benchmark.
#include <sys/resource.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <functional>
#include <string>
#include <thread>

#include "../arguments.h"
#include "backend.h"
#include "events.h"
#include "measure.h"
#include "opener.h"
#include "report.h"
#include "trials.h"

using namespace limpet::bench;

namespace {

constexpr uint64_t kMostSessions = 1'000'000;

void wait_for_end_of_input() {
  char byte;
  while (read(STDIN_FILENO, &byte, 1) > 0) continue;
}

void raise_descriptor_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

int must_listen(uint16_t port, bool shared) {
  const int fd = listen_on_loopback(port, shared);
  if (fd < 0) refuse(std::string("cannot listen: ") + std::strerror(errno), 1);
  return fd;
}

void print_totals(const BackendTotals& totals) {
  JsonObject json;
  json.add("connections", totals.connections).add("answers", totals.answers).add("received", totals.received);
  print(json.add("sent", totals.sent).add_raw("faults", faults_json(totals.faults)));
}

int serve(const Arguments& arguments) {
  const uint64_t count = arguments.number("ports", 1, 1, 10'000);
  const uint64_t threads = arguments.number("threads", 1, 1, 256);
  std::vector<std::vector<int>> listeners(threads);
  std::vector<uint64_t> ports;
  for (uint64_t i = 0; i < count; i++) {
    listeners[0].push_back(must_listen(0, threads > 1));
    ports.push_back(port_of(listeners[0].back()));
    for (uint64_t thread = 1; thread < threads; thread++) {
      listeners[thread].push_back(must_listen(static_cast<uint16_t>(ports.back()), true));
    }
  }
  Event stop;
  BackendTotals totals;
  std::vector<std::thread> bodies;
  for (const auto& own : listeners) {
    bodies.emplace_back([&, corrupt_every = arguments.number("corrupt-every", 0, 0, UINT32_MAX),
                         skip = arguments.number("skip", 0, 0, Head::kLongest)] {
      Backend(own, stop.fd(), corrupt_every, skip, totals).run();
    });
  }
  print(JsonObject().add("pid", static_cast<uint64_t>(getpid())).add_raw("ports", numbers_json(ports)));
  wait_for_end_of_input();
  stop.set();
  for (std::thread& body : bodies) body.join();
  print_totals(totals);
  return 0;
}

Route route_of(const Arguments& arguments) {
  auto targets = arguments.addresses("target");
  if (targets.empty()) refuse("--target is wanted");
  return Route(std::move(targets), arguments.number("sources", 4096, 0, 1 << 20));
}

int rest(const Arguments& arguments) {
  Route route = route_of(arguments);
  Faults faults;
  const auto sessions = open_sessions(route, arguments.number("sessions", 1000, 1, kMostSessions), faults);
  print(JsonObject().add("open", sessions.size()));
  wait_for_end_of_input();
  // Those that were lost meanwhile are faults, too.
  if (faults.total() == 0) ask_all(sessions, faults);
  print(JsonObject().add_raw("faults", faults_json(faults)));
  return 0;
}

// How a thread's share of the sessions becomes a client.
using Maker = std::function<std::unique_ptr<Client>(Trial&, uint64_t threads)>;

Maker maker_of(const std::string& trial, const Arguments& arguments) {
  const auto share = [](uint64_t all, uint64_t threads) { return (all + threads - 1) / threads; };
  const uint64_t sessions = arguments.number("sessions", 32, 1, kMostSessions);
  if (trial == "connection") {
    return [=, at_once = arguments.number("at-once", 32, 1, kMostSessions)](Trial& shared, uint64_t threads) {
      return std::make_unique<ConnectionClient>(shared, share(at_once, threads));
    };
  }
  if (trial == "round-trip") {
    return [=, in_flight = arguments.number("in-flight", 32, 1, kMostSessions)](Trial& shared, uint64_t threads) {
      return std::make_unique<RoundTripClient>(shared, share(sessions, threads), share(in_flight, threads));
    };
  }
  const bool down = arguments.number("down", 0, 0, 1) != 0;
  const bool up = arguments.number("up", 0, 0, 1) != 0;
  if (!down && !up) refuse("--down 1 or --up 1 is wanted");
  return [=](Trial& shared, uint64_t threads) {
    return std::make_unique<BulkClient>(shared, share(sessions, threads), down, up);
  };
}

int run_trial(const std::string& name, const Arguments& arguments) {
  Route route = route_of(arguments);
  const Maker make = maker_of(name, arguments);
  const uint64_t threads = arguments.number("threads", 1, 1, 256);
  const Window window{arguments.number("warmup-ms", 500, 0, 600'000), arguments.number("ms", 2000, 1, 600'000),
                      arguments.number("count", 0, 0, UINT32_MAX), arguments.numbers("watch"),
                      arguments.number("backend", 0, 0, UINT32_MAX)};
  Event stop;
  Head head(arguments.bytes("head"));
  if (!head.empty() && name != "connection") refuse("--head is for connections");
  Trial trial(route, stop.fd(), std::move(head));
  const auto idle = open_sessions(route, arguments.number("idle", 0, 0, kMostSessions), trial.faults);
  measure(trial, stop, static_cast<unsigned>(threads), window, [&] { return make(trial, threads); });
  close_all(idle);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string command = argc > 1 ? argv[1] : "";
  const std::vector<std::string> of_trials{"target",  "sources",   "threads", "warmup-ms", "ms",
                                           "count",   "watch",     "backend", "idle",      "sessions",
                                           "at-once", "in-flight", "down",    "up",        "head"};
  std::signal(SIGPIPE, SIG_IGN);
  raise_descriptor_limit();
  if (command == "backend") return serve(Arguments(argc, argv, 2, {"ports", "threads", "corrupt-every", "skip"}));
  if (command == "idle") return rest(Arguments(argc, argv, 2, {"target", "sources", "sessions"}));
  if (command == "connection" || command == "round-trip" || command == "bulk") {
    return run_trial(command, Arguments(argc, argv, 2, of_trials));
  }
  refuse("usage: limpet-bench-load backend|connection|round-trip|bulk|idle [--name value]…");
}
