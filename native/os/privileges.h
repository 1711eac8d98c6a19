// Users and groups by name, and what a process cannot do any more.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace limpet {

struct User {
  std::string name;
  uint32_t uid;
  uint32_t gid;  // of its primary group
};

// By name, or by the decimal number of the user. Nothing: there is no such user, or it cannot be looked up.
std::optional<User> find_user(const std::string& name);
// The number of a group, by name. Nothing: there is no such group.
std::optional<uint32_t> find_group(const std::string& name);

// No thread of this process, and no program that it starts, can gain privileges by executing a file. The mark belongs
// to a thread, and a filter of system calls (seccomp(2)) that allows all of them is what brings it to those that run
// already. 0 or an errno; then this thread has it, and those that it starts.
int no_new_privileges();

}  // namespace limpet
