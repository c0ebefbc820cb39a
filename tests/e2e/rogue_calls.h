// SPDX-License-Identifier: MIT
//
// The system calls that rogue_attempts.cpp has a taken-over QEMU try, where they take more than one
// line.
#pragma once

#include <sys/types.h>
#include <unistd.h>

#include <functional>
#include <string>

namespace qemunit::e2e {

// Each returns what the system call did: a negative number is a refusal, with errno.
using Attempt = std::function<long()>;

template <typename... Arguments>
Attempt call(long number, Arguments... arguments) {
    return [=] {
        return syscall(number, arguments...);
    };
}

Attempt open_file(const std::string &path, int flags);
Attempt make_socket(int family, int type, int protocol = 0);
Attempt connect_to(const std::string &path);
Attempt send_to(const std::string &path, const std::string &message);
Attempt notify(const std::string &message);
Attempt connect_to_port(const std::string &port);
Attempt run_program(const std::string &path);
Attempt run_copy(const std::string &path);
long run_memory_file();
// As fexecve(3) does where there is no execveat(2).
long run_memory_file_by_name();
Attempt map_executable(const std::string &path);
// The companion holds what QEMU has not: its memory is as good as the words to systemd. It was
// forked right before QEMU, which is some generations above this process.
Attempt write_companion(const std::string &program);
// Whether any descriptor that QEMU was handed sends datagrams.
long use_inherited_datagrams();
Attempt with_pidfd(pid_t pid, const std::function<long(long)> &use);
Attempt take_tap(const std::string &name);
Attempt type_into_terminal(unsigned long request);
long memory_of(pid_t pid, long number);
long gain_capabilities();
long raise_limit();
long lock_memory();
// Each to what it is.
long set_time();
long set_clock();
Attempt set_user_id_bit(const std::string &path);

}  // namespace qemunit::e2e
