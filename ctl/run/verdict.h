// SPDX-License-Identifier: MIT
//
// How a run has ended: its exit status, and what is said of it. Pure. The statuses stand in
// qemunitctl(1), and keep their meaning.
#pragma once

#include <string>
#include <string_view>

namespace qemunit::ctl {

inline constexpr int kStatusPanic = 120, kStatusNoVerdict = 121, kStatusTimeout = 124,
                     kStatusNotStarted = 125, kStatusOfSignal = 128;

struct Ending {
    enum class Kind {
        exited,       // the command; `number` is its status
        killed,       // the command, by the signal `number`
        failed,       // the guest could not run it; `text` says why
        timed_out,    // after `text`
        interrupted,  // by signal `number`, here
        unheard,      // its output could not be written here; `text` says why
        hung_up,      // the VM ended first; `text`: what tells why, if nobody here does
    } kind = Kind::hung_up;
    int number = 0;
    std::string text;
    bool began = false;   // the command
    std::string console;  // its last lines
    std::string log;      // of QEMU and what is beside it
    bool helper_ran = false;
};

// Nobody has said anything.
bool is_silent_failure(const Ending &ending);

// systemd could not run what it was told to. A guest cannot make this true: there was none.
bool has_never_run(const Ending &ending);

bool has_panicked(std::string_view console);

int status_of(const Ending &ending);

// "" if there is nothing to say; else lines, whose bytes a guest has chosen in part.
std::string report_of(const Ending &ending);

}  // namespace qemunit::ctl
