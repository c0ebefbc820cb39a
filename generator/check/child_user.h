// SPDX-License-Identifier: MIT
//
// What the user who runs QEMU may do: a child process that becomes that user tries. For `--check`
// and for a start that failed; never at boot.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace qemunit::generator {

// Whether `user` may read, or read and write, the file `path`. The user needs no right in the
// folders that lead there, since systemd mounts the file itself for QEMU. Nothing if nobody can
// tell: there is no such user or file, or we are neither root nor that user.
std::optional<bool> may_open(const std::string &path, bool write, const std::string &user);

// The owner of `path` is that user.
bool is_owned_by(const std::string &path, const std::string &user);

// What `program` prints with these arguments, run as `user` where we are root. Nothing if it fails,
// or takes longer than some seconds.
std::optional<std::string> output_of(const std::vector<std::string> &command,
                                     const std::string &user);

}  // namespace qemunit::generator
