// SPDX-License-Identifier: MIT
//
// Which program shows a screen here, and what it is called with. Looks at the environment, runs
// nothing.
#pragma once

#include <string>
#include <vector>

#include "common/result.h"
#include "ctl/view/screen_socket.h"

namespace qemunit::ctl {

struct Viewer {
    std::string program;      // its path
    bool takes_path = false;  // of a Unix socket; otherwise a port of 127.0.0.1
};

// The error says what to do: no graphical session, no such program.
Result<Viewer> find_viewer(const ScreenSocket &screen);

// `place`: the path, or the port as a text.
std::vector<std::string> viewer_command(const Viewer &viewer, const ScreenSocket &screen,
                                        const std::string &vm, const std::string &place);

}  // namespace qemunit::ctl
