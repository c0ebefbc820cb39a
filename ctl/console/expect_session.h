// SPDX-License-Identifier: MIT
//
// A script's wait for a line of a serial port: one event loop, until the line has come, the VM has
// ended, or the time is up.
#pragma once

#include <systemd/sd-bus.h>

#include <memory>
#include <optional>
#include <string>

#include "common/console/regular_expression.h"
#include "common/event_ptr.h"
#include "common/result.h"
#include "common/timer.h"
#include "ctl/console/awaited_line.h"
#include "ctl/console/port_connection.h"
#include "ctl/console/unit_watch.h"

namespace qemunit::ctl {

struct Expectation {
    ConsoleTarget target;
    std::string text;  // of the expression, for people
    RegularExpression wanted;
    std::optional<RegularExpression> unwanted;
    std::string typed;      // when the connection is there
    bool only_new = false;  // what was printed before does not count
    unsigned seconds = 0;
};

class ExpectSession {
  public:
    // `bus`: to wait for a VM that does not run; nullptr: not to wait. The error's code is that of
    // connect(2).
    static Result<std::unique_ptr<ExpectSession>> open(Expectation expectation, sd_bus *bus);

    // The line that matched. ETIMEDOUT: none came in time.
    Result<std::string> run();

  private:
    explicit ExpectSession(Expectation expectation);
    Result<> prepare(sd_bus *bus);
    Result<> connect();
    void look_for_run();
    void read_guest();
    void look_at_line();
    void hang_up();
    void time_out();
    void finish(std::optional<Error> failure);
    std::string last_words() const;

    Expectation expectation_;  // its expressions are line_'s
    AwaitedLine line_;
    EventPtr event_;
    sd_bus *bus_ = nullptr;
    std::unique_ptr<UnitWatch> unit_;
    std::optional<PortConnection> guest_;
    Timer timeout_;
    Timer settling_;  // of a line that matches, and has not ended
    bool settles_ = false;
    bool has_said_ = false;  // whether the guest has said anything
    std::optional<Error> failure_;
};

}  // namespace qemunit::ctl
