// SPDX-License-Identifier: MIT
#include "helper/start/ending.h"

#include <fmt/format.h>

#include <csignal>
#include <cstdio>

#include "helper/handover/supervision.h"

namespace qemunit::helper {

int complain(int exit_code, std::string_view message) {
    fmt::print(stderr, "<3>qemunit-helper: {}\n", message);
    return exit_code;
}

bool is_to_stop() {
    sigset_t pending;
    return sigpending(&pending) == 0 && sigismember(&pending, kStopSignal) == 1;
}

}  // namespace qemunit::helper
