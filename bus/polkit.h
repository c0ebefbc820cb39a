// SPDX-License-Identifier: MIT
//
// What polkit is asked about a caller, and what it answers. A person is asked only after polkit
// has said that one is needed: so a polkit that hangs is not taken for a person who thinks.
// authorization.cpp calls it. Never waits, and answers in any case.
#pragma once

#include <systemd/sd-bus.h>

#include <cstdint>
#include <functional>
#include <string>

namespace qemunit {

struct PolkitQuestion {
    std::string caller;  // its unique name on the bus
    uint32_t uid = 0;    // of the caller
    const char *action;  // "org.qemunit1.control"
    std::string vm;
    std::string verb;
};

struct PolkitAnswer {
    enum class Kind {
        yes,
        no,
        needs_person,  // or, once that was asked for: there is nobody to ask
        too_many,      // persons are being asked already
        none,
    };
    Kind kind = Kind::none;
    std::string why;  // of a no, or of none
};

using PolkitAnswered = std::function<void(const PolkitAnswer &)>;

void ask_polkit(sd_bus *bus, const PolkitQuestion &question, const PolkitAnswered &answered);

// An agent of the caller asks a person, who gets a minute. Ends before, with a no, when the caller
// leaves the bus.
void ask_person(sd_bus *bus, const PolkitQuestion &question, const PolkitAnswered &answered);

}  // namespace qemunit
