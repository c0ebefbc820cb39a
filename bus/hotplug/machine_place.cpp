// SPDX-License-Identifier: MIT
#include "bus/hotplug/machine_place.h"

#include <fmt/format.h>

#include <memory>
#include <utility>

#include "common/bus_errors.h"

namespace qemunit::bus {

using nlohmann::json;

namespace {

struct PlaceSearch {
    HotPlugMachine machine;
    std::function<void(const HotPlugMachine &, const std::vector<std::string> &)> then;
};
using PlaceSearchPtr = std::shared_ptr<PlaceSearch>;

// Which ports are free: each is a bus below its device, of the same name.
void look_at_ports(const CallPtr &call, const PlaceSearchPtr &search,
                   std::vector<std::string> ports) {
    if (ports.empty())
        return search->then(search->machine, {});
    std::string port = std::move(ports.back());
    ports.pop_back();
    execute(call, "qom-list", {{"path", fmt::format("{}/{}/{}", kPeripheral, port, port)}},
            [call, search, port, ports = std::move(ports)](const VmMonitor::Reply &bus) {
                if (!bus && bus.error().kind != QmpError::Kind::monitor)
                    return reply_error(*call, bus.error());
                if (bus && !is_bus_taken(*bus))
                    return search->then(search->machine, {port});
                look_at_ports(call, search, ports);
            });
}

}  // namespace

void look_for_place(
    const CallPtr &call, const std::string &name, std::string_view what, const std::string &id,
    std::function<void(const HotPlugMachine &, const std::vector<std::string> &)> then) {
    const auto search = std::make_shared<PlaceSearch>(PlaceSearch{{}, std::move(then)});
    ask(call, "qom-list", {{"path", kPeripheral}},
        [call, search, name, id, what = std::string(what)](const json &list) {
            search->machine.devices = qom_children(list);
            const bool is_attached = search->machine.devices.contains(id);
            if (is_attached || search->machine.devices.contains(name))
                return reply_invalid(
                    *call, fmt::format("VM '{}' has {} '{}' already", call->vm_name,
                                       is_attached ? "an attached " + what : "a device", name));
            ask(call, "qom-get", {{"path", "/machine"}, {"property", "type"}},
                [call, search](const json &type) {
                    search->machine.type = type.is_string() ? type.get<std::string>() : "";
                    look_at_ports(call, search, pcie_root_ports(search->machine));
                });
        });
}

}  // namespace qemunit::bus
