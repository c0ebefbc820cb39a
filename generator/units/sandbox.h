// SPDX-License-Identifier: MIT
//
// What the sandbox of qemu@.service has to let in for one VM: the files, folders, devices
// and networks that its ini names, and nothing else.
#pragma once

#include <string>
#include <vector>

#include "generator/vm/vm.h"

namespace qemunit::generator {

// Without namespaces nothing can be hidden or put in another place. PID 1 can always make them, a
// user's manager only where the kernel lets unprivileged users make them (namespaces.h).
enum class Namespaces { available, unavailable };

// Lines for [Service].
std::string sandbox_settings(const Vm &vm, Namespaces namespaces);

// The files that QEMU or the helper opens with QEMU's rights, for a word of advice where those do
// not suffice.
struct OpenedPath {
    std::string path;
    bool write;
};
std::vector<OpenedPath> opened_paths(const Vm &vm);

// What else than sockets and devices systemd mounts into the sandbox, each path once.
std::vector<OpenedPath> mounted_paths(const Vm &vm);

}  // namespace qemunit::generator
