// SPDX-License-Identifier: MIT
//
// What the helper is told in ExecStart= of a VM's unit, and no command line of QEMU shows. For
// reload_plan.cpp. Pure.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace qemunit::ctl {

struct DriveFiles {
    std::set<std::string> guessed;  // drives whose format goes by the file's name
    std::set<std::string> layered;  // that have a backing file
    std::set<std::string> made;     // files that qemu-image@.service makes
};

struct HelpersWords {
    std::vector<std::string> unplugged;     // network cards without a cable
    std::map<std::string, uint64_t> sizes;  // Size= of drives
    DriveFiles files;
};
HelpersWords helpers_words(const std::vector<std::string> &exec_start);

}  // namespace qemunit::ctl
