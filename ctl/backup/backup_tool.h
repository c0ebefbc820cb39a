// SPDX-License-Identifier: MIT
//
// qemu-img(1), qemu-io(1) and sha256sum(1) for backups. What reads from a VM runs as a user without
// rights, with nothing but descriptors: a QEMU that was taken over may serve anything by NBD.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "common/result.h"

namespace qemunit::ctl {

enum class ToolRights {
    own,   // of who runs qemunitctl: on files of a backup
    none,  // of the user that takes images apart; where qemunitctl is not root, its own
};

// The error has what the tool said. `fds`: what it has beside its standard streams.
Result<> run_tool(std::vector<std::string> command, const std::vector<int> &fds, ToolRights rights,
                  const std::function<void(std::string_view line)> &on_line = {});

// Makes the file that user's until it is taken back. Nothing, if qemunitctl is not root.
Result<> lend(int file);
Result<> take_back(int file);

struct FileSum {
    uint64_t bytes = 0;
    std::string sha256;
};
// Of all that an open file holds.
Result<FileSum> sum_of(int file);

// "/proc/self/fd/5"
std::string fd_path(int fd);

}  // namespace qemunit::ctl
