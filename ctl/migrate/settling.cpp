// SPDX-License-Identifier: MIT
#include "ctl/migrate/settling.h"

#include <poll.h>

#include <utility>

namespace qemunit::ctl {

namespace {

constexpr int kSettlingInterval = 100;  // ms

Outcome unknown_for(std::string why) {
    return {Outcome::Kind::unknown, std::move(why)};
}

Outcome never_runs(const ArrivalRecord &record, const std::string &token,
                   const std::function<Result<std::string>()> &unit_state) {
    if (auto written = record.revoke(token); !written)
        return unknown_for(written.error().message);
    // A start forgets what was refused before it. Whoever runs there all the same has the disks.
    const auto state = unit_state();
    if (!state || *state == "active" || *state == "reloading")
        return unknown_for("another start of the VM runs there");
    // One that has begun since has forgotten it by the time that it has the disks.
    if (record.state(token) != Arrival::refused)
        return unknown_for("another start of the VM has begun there");
    return {Outcome::Kind::never_runs, {}};
}

Outcome has_run(const ArrivalRecord &record, const std::string &token) {
    if (auto written = record.confirm(token); !written)
        return unknown_for(written.error().message);
    return {Outcome::Kind::ran, {}};
}

}  // namespace

Outcome settle(const ArrivalRecord &record, const std::string &token,
               const std::function<Result<std::string>()> &unit_state, int looks) {
    for (; looks > 0; --looks) {
        const auto state = unit_state();
        if (!state)
            return unknown_for(state.error().message);
        switch (record.state(token)) {
            case Arrival::none:
                return unknown_for("nothing is known there of that move");
            case Arrival::unknown:
                return unknown_for("the VM's state directory there cannot be read");
            case Arrival::coming:
                if (record.revoke(token))
                    return never_runs(record, token, unit_state);
                break;  // it was taken meanwhile
            case Arrival::refused:
                return never_runs(record, token, unit_state);
            case Arrival::runs:
                return has_run(record, token);
            case Arrival::taken:
                if (*state != "activating" && *state != "deactivating")
                    return has_run(record, token);  // or might have: the VM has crashed
                break;
        }
        poll(nullptr, 0, kSettlingInterval);
    }
    return unknown_for("the VM was told to run there, and neither runs nor ends");
}

}  // namespace qemunit::ctl
