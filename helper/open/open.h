// SPDX-License-Identifier: MIT
//
// qemunit-open's work: opens the files of a VM's drives that lie outside of its state directory,
// its tap interfaces and its USB devices of the host, finds what systemd is to mount for it, and
// has systemd keep all that for qemunit-helper. Runs as root; reads nothing of the files.
#pragma once

#include <string>
#include <vector>

#include "common/result.h"
#include "helper/handover/drive_file.h"
#include "helper/open/tap.h"

namespace qemunit::helper {

struct OpenOptions {
    enum class Mode { open, help, version } mode = Mode::open;
    std::string vm;
    std::string user;  // of User= in the ini, or ""
    std::vector<DriveFile> files;
    std::vector<std::string> mounted;
    std::vector<Tap> taps;
    std::vector<std::string> usb_devices, optional_devices;
};

Result<OpenOptions> parse_open_options(const std::vector<std::string> &arguments);
std::string open_help();

// All of them that are there, or none is left with systemd.
Result<> open_and_store(const OpenOptions &options);

}  // namespace qemunit::helper
