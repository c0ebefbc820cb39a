// SPDX-License-Identifier: MIT
#include "helper/console/serial_ports.h"

#include <algorithm>
#include <utility>

namespace qemunit::helper {

Result<SerialPort *> SerialPorts::add(sd_event *event, const std::string &vm, PortEnd end,
                                      Journal *journal) {
    auto port = SerialPort::create(event, vm, std::move(end), journal, ended_);
    if (!port)
        return std::unexpected(port.error());
    ports_.push_back(std::move(*port));
    ports_.back()->ask_qemu_by(ask_);
    return ports_.back().get();
}

void SerialPorts::hold_input(bool held) {
    for (const auto &port : ports_)
        port->hold_input(held);
}

void SerialPorts::set_guest_runs(bool runs) {
    for (const auto &port : ports_)
        port->set_guest_runs(runs);
}

void SerialPorts::resume() {
    for (const auto &port : ports_)
        port->resume();
}

void SerialPorts::go_on_with(const std::function<UniqueFd(const std::string &port)> &take_end,
                             const std::function<void(const std::string &fault)> &warn) {
    for (const auto &port : ports_)
        if (UniqueFd end = take_end(port->name()))
            if (auto gone_on = port->go_on_with(std::move(end)); !gone_on)
                warn(gone_on.error().message);
}

std::string SerialPorts::with_untaken_input() const {
    const auto port =
        std::ranges::find_if(ports_, [](const auto &one) { return one->has_untaken_in_socket(); });
    return port == ports_.end() ? std::string() : (*port)->name();
}

bool SerialPorts::have_clients() const {
    return std::ranges::any_of(ports_, [](const auto &port) { return port->has_clients(); });
}

bool SerialPorts::have_ended() const {
    return std::ranges::all_of(ports_, [](const auto &port) { return port->has_ended(); });
}

}  // namespace qemunit::helper
