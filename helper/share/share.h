// SPDX-License-Identifier: MIT
//
// Serves a folder to a guest with virtiofsd: ExecStart= of qemu-virtiofs@.service. Runs as root,
// and the folder may lie where others can put links: virtiofsd gets the folder that was checked, by
// its descriptor, and nothing above it.
#pragma once

#include <string>
#include <vector>

#include "common/result.h"

namespace qemunit::helper {

struct ShareOptions {
    enum class Mode { serve, help, version } mode = Mode::serve;
    bool read_only = false;
    bool special_files = false;
    std::string path;
    std::vector<std::string> further;  // further arguments for virtiofsd
};

Result<ShareOptions> parse_share_options(const std::vector<std::string> &arguments);
std::string share_help();

// Where the unit has the file systems of the host, until the folder takes their place.
inline constexpr char kSharePlace[] = "/run/qemunit-share";

// virtiofsd and its arguments, for the socket that systemd has opened.
std::vector<std::string> virtiofsd_command(const ShareOptions &options);

// Puts the folder, and what is mounted below it, at kSharePlace: no device nodes are opened there,
// and no set-user-ID bits count. Then gives up the right to mount.
Result<> put_in_place(const ShareOptions &options);

}  // namespace qemunit::helper
