// SPDX-License-Identifier: MIT
//
// What polkit is asked about a caller, and what polkit answers: `none` after some seconds. A person
// is asked only after polkit has said that one is needed, so that a polkit that hangs is not taken
// for a person who thinks. For authorization.cpp. Never waits, and answers in any case.
#pragma once

#include <systemd/sd-bus.h>

#include <functional>
#include <memory>
#include <string>

#include "bus/access/callers.h"

namespace qemunit::bus {

// Finds out whether this system has a polkit: polkit's name is owned, or can be activated. To be
// called once, when the daemon starts. Before that, and if the bus does not tell, there is a
// polkit. May wait for the bus.
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
        needs_person,  // if a person was asked for already: there is no agent who could ask one
        too_many,      // too many persons are being asked already, for this user or in all
        none,
    };
    Kind kind = Kind::none;
    std::string why;  // if the answer is no or none
};

using PolkitAnswered = std::function<void(const PolkitAnswer &)>;

// If one user has many questions, they wait for each other. A question ends when its caller leaves.
void ask_polkit(sd_bus *bus, const PolkitQuestion &question, const PolkitAnswered &answered);

// An agent of the caller asks a person, who gets a minute. When the caller leaves the bus before
// that, the answer is no.
void ask_person(sd_bus *bus, const PolkitQuestion &question, const PolkitAnswered &answered);

}  // namespace qemunit::bus
