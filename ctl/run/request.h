// SPDX-License-Identifier: MIT
//
// What `run` was asked for, checked as far as that goes without looking at files. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/result.h"
#include "ctl/vm/invocation.h"

namespace qemunit::ctl {

struct RunShare {
    std::string path;  // absolute; the same in the guest
    bool read_only = false;
};

struct RunRequest {
    std::string architecture;  // "": this machine's
    std::string kernel;        // "": to be found
    bool host_kernel = false;
    std::string modules;  // the folder; "": that of the kernel's version
    std::string initrd;   // the user's own
    std::string root;     // a folder; "": the initrd is the root
    std::string image;    // whose file system is the root
    std::vector<RunShare> shares;
    std::string output;  // a folder for what the guest writes; "": none
    std::string events;  // a file for $QEMUNIT_EVENTS, "-" for standard error; "": none
    std::string memory = "1G", cpus = "1";
    std::string append;
    std::string ini;  // a file, or the name of a VM
    std::string timeout;
    uint64_t timeout_usec = 0;
    std::vector<std::string> environment;  // NAME=VALUE
    bool has_network = false;  // the user network of a VM: the guest reaches what this machine does
    bool has_terminal = false;  // the command has one, as big as the caller's
    bool shows_console = false;
    bool has_debugger = false;  // gdb, for which the guest waits
    std::string junit;          // a file for a report; "": none
    std::vector<std::string> command;
};

// `folder`: the caller's. `variable`: of the caller's environment, or nullptr.
Result<RunRequest> parse_run_request(const Invocation &invocation, const std::string &folder,
                                     const char *(*variable)(const char *));

}  // namespace qemunit::ctl
