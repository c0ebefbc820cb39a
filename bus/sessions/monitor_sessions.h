// SPDX-License-Identifier: MIT
//
// The clients with connections of their own to one VM's monitor: OpenMonitor and OpenQMP make
// them, and all end when the daemon's connection to QEMU does. Owned by a Vm.
#pragma once

#include <list>
#include <memory>
#include <string>

#include "bus/sessions/monitor_session.h"

namespace qemunit::bus {

class MonitorSessions {
  public:
    // At once, of one VM; of one caller on the bus.
    static constexpr std::size_t kMax = 32;
    static constexpr std::size_t kMaxOfCaller = 16;

    // `monitor` outlives them.
    MonitorSessions(sd_event *event, VmMonitor &monitor) : event_(event), monitor_(monitor) {}
    MonitorSessions(const MonitorSessions &) = delete;
    MonitorSessions &operator=(const MonitorSessions &) = delete;

    // The client's end. `caller`: its unique name. Fails with EUSERS if there are too many.
    Result<UniqueFd> open(const std::string &caller, std::unique_ptr<MonitorLanguage> language);
    void take_event(const QmpEvent &event);
    void end_all();

  private:
    struct Entry {
        std::string caller;
        std::shared_ptr<MonitorSession> session;
    };

    sd_event *event_;
    VmMonitor &monitor_;
    std::list<Entry> entries_;
};

}  // namespace qemunit::bus
