// SPDX-License-Identifier: MIT
//
// The VM of a `run` as texts: its ini file, for the generator, and the orders for the init in the
// guest. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "ctl/run/modules.h"
#include "ctl/run/request.h"

namespace qemunit::ctl {

// A folder that QEMU has open, by its place among what is handed over.
struct RunFolder {
    std::string tag;
    std::string path;  // in the guest; "": it is the root
    int number = -1;   // of its descriptor, in QEMU
    bool read_only = true;
};

// Of the network card, for QEMU and for its user network.
inline constexpr std::string_view kRunNetwork = "run-net";

struct RunMachine {
    int kernel = -1, initrd = -1;  // their descriptors, in QEMU
    std::vector<RunFolder> folders;
    std::string console;  // "ttyS0"
    std::string words;    // further ones of the kernel's, with a space in front
    int image = -1;       // its descriptor; -1: none
    int debugger = -1;    // a listening socket for gdb
    int network = -1;     // a socket to its user network; -1: none
    std::string image_format;
};

// `first`: an ini file of the user's, whose settings count where ours say nothing.
std::string run_ini(const RunRequest &request, const RunMachine &machine, const std::string &first);

// `terminal`, `language`: of the caller; "" if there are none. `folder`: where the command begins.
struct RunSurroundings {
    std::string folder, terminal, language, host;
    std::string window = {};  // rows and columns of the caller's terminal
};
std::string run_job(const RunRequest &request, const RunMachine &machine,
                    const std::vector<Module> &modules, const RunSurroundings &surroundings);

// The names of the modules that the guest needs.
std::vector<std::string> run_modules(const RunRequest &request);

}  // namespace qemunit::ctl
