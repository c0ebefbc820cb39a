// SPDX-License-Identifier: MIT
//
// QEMU's monitor for people, line by line, for `qemunitctl monitor`. Uses a QMP session of its own
// (OpenQMP), so that polkit asks for a password once. From another machine no file descriptor
// comes: there each line is a MonitorCommand, for which polkit may ask. Never asks in the middle of
// a line.
#pragma once

#include <systemd/sd-bus.h>

#include <memory>
#include <string>

#include "common/event_ptr.h"
#include "common/qmp/qmp_client.h"
#include "common/result.h"
#include "ctl/vm/invocation.h"

namespace qemunit::ctl {

class HumanMonitor {
  public:
    // Fails if qemunitd gives no session. `bus` outlives the monitor.
    static Result<std::unique_ptr<HumanMonitor>> open(const Invocation &invocation, sd_bus *bus);
    HumanMonitor(const HumanMonitor &) = delete;
    HumanMonitor &operator=(const HumanMonitor &) = delete;

    // The output, or QEMU's error. A session that has ended, with the VM or with qemunitd, is
    // opened anew.
    Result<std::string> run(const std::string &line);
    // The same, unless somebody would have to be asked for a password.
    Result<std::string> run_unasked(const std::string &line);

  private:
    HumanMonitor(std::string vm, sd_bus *bus) : vm_(std::move(vm)), bus_(bus) {}
    Result<std::string> run(const std::string &line, bool may_ask);
    Result<std::string> run_remotely(const std::string &line, bool may_ask);
    Result<> have_session(bool may_ask);
    Result<QmpClient::Reply> execute(const std::string &line);

    std::string vm_;
    sd_bus *bus_;
    EventPtr event_;  // none: of another machine
    std::unique_ptr<QmpClient> session_;
};

}  // namespace qemunit::ctl
