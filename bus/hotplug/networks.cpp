// SPDX-License-Identifier: MIT
//
// AttachNetwork and DetachNetwork of org.qemunit1.VM. The host's end comes as an open file: the
// caller has made the interface, or keeps the other end of the socket.
#include <fcntl.h>
#include <fmt/format.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "bus/hotplug/machine_place.h"
#include "bus/hotplug/network_card.h"
#include "bus/hotplug/options.h"
#include "bus/hotplug/unplugging.h"
#include "bus/methods/methods.h"
#include "bus/methods/vm_call.h"
#include "common/bus_errors.h"

namespace qemunit::bus {

using nlohmann::json;

namespace {

struct NewNetwork {
    HotNetwork network;
    UniqueFd end;
};
using NewNetworkPtr = std::shared_ptr<NewNetwork>;

// QEMU takes the host's end from a card that has it, and refuses nothing.
bool claim_network(const CallPtr &call, const std::string &name) {
    return claim(call, hot_network_id(name), fmt::format("network '{}'", name));
}

// Also what a qemunitd that has ended has left. `done` is called once.
void release_end(const CallPtr &call, const std::string &name, VmMonitor::ReplyCallback done) {
    if (const auto vm = call->vm.lock())
        return vm->monitor().execute("netdev_del", {{"id", hot_network_id(name)}},
                                     call->deadline + kReleaseTime, std::move(done));
    done(std::unexpected(QmpError{QmpError::Kind::disconnected, "it is gone"}));
}

void plug_card(const CallPtr &call, const NewNetworkPtr &attachment, const std::string &bus) {
    const HotNetwork &network = attachment->network;
    const std::string id = hot_network_id(network.name);
    // All at once, so that no other call comes between.
    execute(
        call, "getfd", {{"fdname", id}}, [](const VmMonitor::Reply &) {},
        std::move(attachment->end));
    const auto refused = std::make_shared<std::optional<QmpError>>();
    execute(call, "netdev_add", netdev_arguments(network, id),
            [call, id, refused](const VmMonitor::Reply &added) {
                if (added)
                    return;
                *refused = added.error();
                execute(call, "closefd", {{"fdname", id}}, [](const VmMonitor::Reply &) {});
            });
    execute(call, "device_add", card_arguments(network, bus),
            [call, name = network.name, refused](const VmMonitor::Reply &plugged) {
                if (*refused)
                    return reply_error(*call, **refused);
                if (plugged)
                    return reply_done(*call);
                release_end(call, name, [call, why = plugged.error()](const VmMonitor::Reply &) {
                    reply_error(*call, why);
                });
            });
}

void attach_card(const CallPtr &call, const NewNetworkPtr &attachment) {
    const std::string &name = attachment->network.name;
    look_for_place(call, name, "network", hot_network_id(name),
                   [call, attachment](const HotPlugMachine &machine,
                                      const std::vector<std::string> &free_ports) {
                       const auto bus = network_bus(machine, free_ports, call->vm_name);
                       if (!bus)
                           return reply_error(*call, bus_error::kMonitor, bus.error());
                       // One whose card was let go while no qemunitd ran is still there; mostly
                       // there is none.
                       release_end(call, attachment->network.name,
                                   [call, attachment, bus = *bus](const VmMonitor::Reply &) {
                                       plug_card(call, attachment, bus);
                                   });
                   });
}

int read_network_options(sd_bus_message *message, HotNetwork &network, std::string &fault) {
    return read_options(message, [&](std::string_view option, std::string_view type) {
        if ((option == "mac" || option == "model") && type == "s") {
            const char *text = nullptr;
            const int r = sd_bus_message_read(message, "v", "s", &text);
            if (r >= 0)
                (option == "mac" ? network.mac : network.model) = text;
            return r;
        }
        fault =
            fmt::format("Option '{}' of type '{}' is none: there are 'mac' and 'model' of type 's'",
                        option, type);
        return sd_bus_message_skip(message, "v");
    });
}

void attach_network(const CallPtr &call) {
    const char *name = nullptr;
    int fd = -1;  // owned by the message
    if (!read_arguments(*call, "sh", &name, &fd))
        return;
    const auto attachment = std::make_shared<NewNetwork>();
    HotNetwork &network = attachment->network;
    network.name = name;
    std::string fault;
    if (!is_read(*call, read_network_options(call->message.get(), network, fault)))
        return;
    if (network.mac.empty())
        network.mac = random_mac();
    network.end = network_end(fd);
    if (fault.empty())
        fault = hot_network_fault(network);
    if (!fault.empty())
        return reply_invalid(*call, fault);
    attachment->end = UniqueFd(fcntl(fd, F_DUPFD_CLOEXEC, 0));
    if (is_read(*call, attachment->end ? 0 : -errno) && claim_network(call, network.name))
        attach_card(call, attachment);
}

void take_card_out(const CallPtr &call, const std::string &name) {
    unplug(call, hot_network_id(name), [call, name](const VmMonitor::Reply &gone) {
        if (!gone && gone.error().kind == QmpError::Kind::timeout)
            return reply_not_let_go(call, fmt::format("network '{}'", name));
        if (!gone)
            return reply_error(*call, gone.error());
        release_end(call, name, [call](const VmMonitor::Reply &released) {
            if (released)
                reply_done(*call);
            else
                reply_error(*call, released.error());
        });
    });
}

void detach_network(const CallPtr &call) {
    const char *text = nullptr;
    if (!read_arguments(*call, "s", &text) || !claim_network(call, text))
        return;
    ask(call, "qom-list", {{"path", kPeripheral}},
        [call, name = std::string(text)](const json &list) {
            const auto devices = qom_children(list);
            if (devices.contains(hot_network_id(name)))
                return take_card_out(call, name);
            // The guest may have let go of the card too late for the call that asked for that.
            release_end(call, name, [call, name, devices](const VmMonitor::Reply &released) {
                if (released)
                    return reply_done(*call);
                reply_invalid(
                    *call,
                    devices.contains(name)
                        ? fmt::format("'{}' was not attached to VM '{}' with AttachNetwork, but is "
                                      "a device of its ini, and only a new start changes that",
                                      name, call->vm_name)
                        : fmt::format("VM '{}' has no attached network '{}'", call->vm_name, name));
            });
        });
}

int method_attach_network(sd_bus_message *message, void *userdata, sd_bus_error *error) {
    return begin_call(message, userdata, {Action::control, "device_add"}, error, attach_network);
}

int method_detach_network(sd_bus_message *message, void *userdata, sd_bus_error *error) {
    return begin_call(message, userdata, {Action::control, "device_del"}, error, detach_network);
}

}  // namespace

const sd_bus_vtable kNetworkMethods[] = {
    SD_BUS_VTABLE_START(0),
    SD_BUS_METHOD_WITH_ARGS("AttachNetwork", SD_BUS_ARGS("s", name, "h", end, "a{sv}", options),
                            SD_BUS_NO_RESULT, method_attach_network, kAnybody),
    SD_BUS_METHOD_WITH_ARGS("DetachNetwork", SD_BUS_ARGS("s", name), SD_BUS_NO_RESULT,
                            method_detach_network, kAnybody),
    SD_BUS_VTABLE_END,
};

}  // namespace qemunit::bus
