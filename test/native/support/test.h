// The frame of a test program: TEST registers a case, CHECK judges, TEST_MAIN runs everything and prints the totals.
//
//   program [TEXT]     runs only the cases whose name contains TEXT
//   LIMPET_SOAK=1      the full counts
//   LIMPET_SEED=N      another seed for everything random
#pragma once

#include <unistd.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

namespace limpet::test {

struct Case {
  const char* name;
  void (*run)();
};

inline std::vector<Case>& cases() {
  static std::vector<Case> all;
  return all;
}

struct Registration {
  Registration(const char* name, void (*run)()) { cases().push_back({name, run}); }
};

// Of the case that runs now; checks may come from any thread.
inline std::atomic<uint64_t> checks{0};
inline std::atomic<uint64_t> failures{0};

inline constexpr uint64_t kShownFailures = 12;

inline bool fail(const char* file, int line, const std::string& what) {
  if (failures.fetch_add(1) < kShownFailures) std::fprintf(stderr, "  %s:%d: %s\n", file, line, what.c_str());
  return false;
}

template <typename T>
std::string show(const T& value) {
  std::ostringstream text;
  if constexpr (std::is_enum_v<T>) {
    text << static_cast<int64_t>(value);
  } else if constexpr (std::is_same_v<T, uint8_t> || std::is_same_v<T, int8_t>) {
    text << static_cast<int>(value);
  } else {
    text << value;
  }
  return text.str();
}

inline bool check(bool ok, const char* file, int line, const char* what) {
  checks.fetch_add(1, std::memory_order_relaxed);
  return ok || fail(file, line, what);
}

template <typename A, typename B>
bool check_equal(const A& actual, const B& wanted, const char* file, int line, const char* what) {
  checks.fetch_add(1, std::memory_order_relaxed);
  return actual == wanted || fail(file, line, std::string(what) + ": " + show(actual) + " is not " + show(wanted));
}

// Bounds included.
template <typename T>
bool check_within(const T& actual, const T& low, const T& high, const char* file, int line, const char* what) {
  checks.fetch_add(1, std::memory_order_relaxed);
  return (low <= actual && actual <= high) ||
         fail(file, line, std::string(what) + ": " + show(actual) + " is not in " + show(low) + "…" + show(high));
}

inline bool soak() {
  static const bool on = [] {
    for (const char* name : {"LIMPET_SOAK", "LIMPET_TEST_SOAK"}) {
      const char* const value = std::getenv(name);
      if (value && std::strcmp(value, "1") == 0) return true;
    }
    return false;
  }();
  return on;
}

// A count: reduced for every day, full for the soak run.
inline uint64_t rounds(uint64_t reduced, uint64_t full) { return soak() ? full : reduced; }

inline uint64_t seed() {
  static const uint64_t value = [] {
    const char* const text = std::getenv("LIMPET_SEED");
    return text ? std::strtoull(text, nullptr, 10) : 20240611ULL;
  }();
  return value;
}

inline const char* running = "";

// A case that hangs is a failure with a name.
inline void on_alarm(int) {
  const auto say = [](const char* text) {
    [[maybe_unused]] const ssize_t n = write(STDERR_FILENO, text, strlen(text));
  };
  say("FAIL ");
  say(running);
  say(": it hangs\n");
  _exit(1);
}

inline bool run_case(const Case& one) {
  checks = failures = 0;
  running = one.name;
  signal(SIGALRM, on_alarm);
  alarm(soak() ? 1'800 : 180);
  const auto began = std::chrono::steady_clock::now();
  one.run();
  if (checks == 0) fail(one.name, 0, "the case checked nothing");
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
  const bool ok = failures == 0;
  std::printf("%s %s (%.2f s)\n", ok ? "ok  " : "FAIL", one.name, took.count());
  std::fflush(stdout);
  return ok;
}

inline int run_all(int argc, char** argv) {
  const std::string_view filter = argc > 1 ? argv[1] : "";
  unsigned passed = 0;
  unsigned failed = 0;
  for (const Case& one : cases()) {
    if (std::string_view(one.name).find(filter) == std::string_view::npos) continue;
    (run_case(one) ? passed : failed)++;
  }
  if (failed > 0) std::printf("LIMPET_SEED=%llu\n", static_cast<unsigned long long>(seed()));
  std::printf("%u passed, %u failed\n", passed, failed);
  return failed == 0 ? 0 : 1;
}

}  // namespace limpet::test

#define TEST_JOIN_(a, b) a##b
#define TEST_JOIN(a, b) TEST_JOIN_(a, b)
#define TEST(name)                                                                                          \
  static void TEST_JOIN(case_, __LINE__)();                                                                 \
  static const limpet::test::Registration TEST_JOIN(register_, __LINE__)(name, TEST_JOIN(case_, __LINE__)); \
  static void TEST_JOIN(case_, __LINE__)()
#define TEST_MAIN \
  int main(int argc, char** argv) { return limpet::test::run_all(argc, argv); }

// Each yields whether it holds.
#define CHECK(condition) limpet::test::check((condition), __FILE__, __LINE__, #condition)
#define CHECK_EQUAL(actual, wanted) limpet::test::check_equal(actual, wanted, __FILE__, __LINE__, #actual)
#define CHECK_WITHIN(actual, low, high) limpet::test::check_within(actual, low, high, __FILE__, __LINE__, #actual)
// What must not be reached was.
#define FAIL(what) limpet::test::fail(__FILE__, __LINE__, what)
// Leaves the function: what follows would make no sense.
#define REQUIRE(condition)         \
  do {                             \
    if (!CHECK(condition)) return; \
  } while (false)
