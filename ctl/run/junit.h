// SPDX-License-Identifier: MIT
//
// Reports of runs for other programs: in JUnit's format, which CI systems read, and as TAP. Pure.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace qemunit::ctl {

struct RunReport {
    std::string command;
    int status = 0;
    double seconds = 0;
    std::string text;  // what it said, for who looks for the reason
};

// Of the guest and the VM, not of the command.
bool is_status_of_guest(int status);

std::string junit_text(std::span<const RunReport> reports);

// "ok 1 - COMMAND", with comments behind it if it is not.
std::string tap_text(std::size_t number, const RunReport &report);

}  // namespace qemunit::ctl
