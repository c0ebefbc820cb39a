// SPDX-License-Identifier: MIT
//
// A seccomp filter (seccomp(2)) for what arguments decide, which SystemCallFilter= of the unit
// cannot tell apart. The helper installs the filter of QEMU right before it becomes QEMU, the
// companion its own when it begins. Neither can be taken off again; threads and children have it,
// too.
#pragma once

#include "common/result.h"

namespace qemunit::helper {

// The one call of execve(2) that is left: with these three pointers. The filter sees pointers, not
// what they point to.
struct LastExec {
    const char *path = nullptr;
    char *const *argv = nullptr;
    char *const *envp = nullptr;
};

// All sockets of a VM of `qemunitctl run` come connected, or listening.
enum class MakesSockets { yes, no };

// QEMU executes no program, sends no datagram to a socket of the host, and types into no terminal.
// With no sockets of its own, QEMU connects to none of the host's either, whatever files QEMU sees.
Result<> filter_qemu(const LastExec &exec, MakesSockets sockets = MakesSockets::yes);

// The companion executes no program. (It does send datagrams: to systemd and the journal.)
Result<> filter_companion();

}  // namespace qemunit::helper
