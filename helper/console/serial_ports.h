// SPDX-License-Identifier: MIT
//
// All serial ports of a VM together.
#pragma once

#include <systemd/sd-event.h>

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "helper/console/serial_port.h"

namespace qemunit::helper {

class SerialPorts {
  public:
    // `ended` is called for each port that has.
    SerialPorts(SerialPort::AskQemu ask, std::function<void()> ended)
        : ask_(std::move(ask)), ended_(std::move(ended)) {}

    // Of the VM `vm`; `journal` may be null. The port lives as long as this.
    Result<SerialPort *> add(sd_event *event, const std::string &vm, PortEnd end, Journal *journal);

    // Those of SerialPort, for each.
    void hold_input(bool held);
    void set_guest_runs(bool runs);
    void resume();

    // The guest goes on in another QEMU: `take_end` has what leads there from a port, by its name,
    // or nothing. Faults are told to `warn`.
    void go_on_with(const std::function<UniqueFd(const std::string &port)> &take_end,
                    const std::function<void(const std::string &fault)> &warn);

    // The name of one whose guest has not taken all that was typed; "" if there is none.
    std::string with_untaken_input() const;
    bool have_clients() const;
    bool have_ended() const;

  private:
    const SerialPort::AskQemu ask_;
    const std::function<void()> ended_;
    std::vector<std::unique_ptr<SerialPort>> ports_;
};

}  // namespace qemunit::helper
