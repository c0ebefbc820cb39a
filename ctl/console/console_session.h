// SPDX-License-Identifier: MIT
//
// A person's terminal, or a script's pipes, connected to a serial port of a VM: one event
// loop over both, the way out, and what happens when the VM ends.
#pragma once

#include <systemd/sd-bus.h>

#include <memory>
#include <optional>
#include <string>

#include "common/event_ptr.h"
#include "common/fd_watch.h"
#include "common/result.h"
#include "ctl/console/escape.h"
#include "ctl/console/output_queue.h"
#include "ctl/console/port_connection.h"
#include "ctl/console/raw_terminal.h"
#include "ctl/console/unit_watch.h"

namespace qemunit::ctl {

class ConsoleSession {
  public:
    // `bus`: to wait for the VM, at the beginning and whenever it ends; nullptr: not to wait.
    // The error's code is that of connect(2).
    static Result<std::unique_ptr<ConsoleSession>> open(const ConsoleTarget &target, sd_bus *bus);

    // Runs until the user leaves or the VM ends; returns the exit code.
    Result<int> run();

  private:
    explicit ConsoleSession(ConsoleTarget target);
    Result<> prepare(sd_bus *bus);
    Result<> watch_input();
    Result<> watch_output();
    Result<> connect();
    void read_input();
    void take_typed(std::string_view typed);
    void read_guest();
    void update_watches();
    void hang_up();
    void begin_to_wait();
    void look_for_run();
    void greet() const;
    void say(const std::string &text) const;
    void leave(int exit_code) { sd_event_exit(event_.get(), exit_code); }
    void give_up(Error error);

    ConsoleTarget target_;
    const bool has_terminal_;
    EventPtr event_;
    sd_bus *bus_ = nullptr;
    std::unique_ptr<UnitWatch> unit_;
    std::string invocation_;  // the run of the VM that this is or was connected to
    std::optional<Error> failure_;
    std::optional<RawTerminal> raw_;
    EscapeSequence escape_;
    FdWatch input_;
    std::unique_ptr<OutputQueue> output_;
    std::optional<PortConnection> guest_;
    bool input_ended_ = false;
    bool has_said_ = false;  // whether the guest has said anything
    bool hung_up_ = false;   // what the guest said last is still on its way out
};

}  // namespace qemunit::ctl
