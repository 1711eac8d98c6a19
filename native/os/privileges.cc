#include "privileges.h"

#include <grp.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <vector>

namespace limpet {

namespace {

// What a line of the user database may need; it grows as long as it does not fit.
constexpr size_t kFirstBytes = 4096;
constexpr size_t kMostBytes = size_t{1} << 20;

// Calls a reentrant look-up with ever more room. True: something was found.
template <typename Record, typename Look>
bool look_up(Record& record, std::vector<char>& room, Look look) {
  Record* found = nullptr;
  for (size_t bytes = kFirstBytes; bytes <= kMostBytes; bytes *= 2) {
    room.resize(bytes);
    const int error = look(&record, room.data(), room.size(), &found);
    if (error != ERANGE) break;
  }
  return found != nullptr;
}

bool is_number(const std::string& text) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string::npos;
}

}  // namespace

std::optional<User> find_user(const std::string& name) {
  passwd record{};
  std::vector<char> room;
  bool found = look_up(record, room, [&](passwd* into, char* bytes, size_t size, passwd** result) {
    return getpwnam_r(name.c_str(), into, bytes, size, result);
  });
  if (!found && is_number(name)) {
    const auto uid = static_cast<uid_t>(std::strtoul(name.c_str(), nullptr, 10));
    found = look_up(record, room, [&](passwd* into, char* bytes, size_t size, passwd** result) {
      return getpwuid_r(uid, into, bytes, size, result);
    });
  }
  if (!found) return std::nullopt;
  return User{record.pw_name, record.pw_uid, record.pw_gid};
}

std::optional<uint32_t> find_group(const std::string& name) {
  group record{};
  std::vector<char> room;
  const bool found = look_up(record, room, [&](group* into, char* bytes, size_t size, group** result) {
    return getgrnam_r(name.c_str(), into, bytes, size, result);
  });
  return found ? std::optional<uint32_t>(record.gr_gid) : std::nullopt;
}

int no_new_privileges() {
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return errno;
  sock_filter allow[] = {BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
  const sock_fprog program{1, allow};
  // Kernels before 5.16 take a filter for a sandbox of hostile code and slow the thread down (Speculative Store
  // Bypass), unless told that it is none; those before 4.17 know no such flag.
  constexpr unsigned long kFlags = SECCOMP_FILTER_FLAG_TSYNC | SECCOMP_FILTER_FLAG_SPEC_ALLOW;
  long status = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, kFlags, &program);
  if (status < 0 && errno == EINVAL)
    status = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &program);
  // A positive result is the number of a thread that has another filter.
  return status == 0 ? 0 : status > 0 ? ESRCH : errno;
}

}  // namespace limpet
