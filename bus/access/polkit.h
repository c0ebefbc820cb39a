// SPDX-License-Identifier: MIT
//
// What polkit is asked about a caller, and what it answers: `none` after some seconds. A person is
// asked only after polkit has said that one is needed: so a polkit that hangs is not taken for a
// person who thinks. authorization.cpp calls it. Never waits, and answers in any case.
#pragma once

#include <systemd/sd-bus.h>

#include <functional>
#include <memory>
#include <string>

#include "bus/access/callers.h"

namespace qemunit::bus {

// Whether this system has a polkit: its name is owned, or can be activated. Asked once, when the
// daemon starts; until then, and if the bus does not tell, it has one. May wait for the bus.
void look_for_polkit(sd_bus *bus);
bool has_polkit();

struct PolkitQuestion {
    std::shared_ptr<const Caller> caller;  // whose user is known
    const char *action;                    // "org.qemunit1.control"
    std::string vm;
    std::string verb;
};

struct PolkitAnswer {
    enum class Kind {
        yes,
        no,
        needs_person,  // or, once that was asked for: there is nobody to ask
        too_many,      // persons are being asked already, for this user or in all
        none,
    };
    Kind kind = Kind::none;
    std::string why;  // of a no, or of none
};

using PolkitAnswered = std::function<void(const PolkitAnswer &)>;

// One user's questions wait for each other when they are many, and end with their callers.
void ask_polkit(sd_bus *bus, const PolkitQuestion &question, const PolkitAnswered &answered);

// An agent of the caller asks a person, who gets a minute. Ends before, with a no, when the caller
// leaves the bus.
void ask_person(sd_bus *bus, const PolkitQuestion &question, const PolkitAnswered &answered);

}  // namespace qemunit::bus
