// SPDX-License-Identifier: MIT
#include "ctl/vm/host_forwards.h"

#include "ctl/vm/vm_bus.h"

namespace qemunit::ctl {

Result<std::vector<Forward>> read_forwards(sd_bus_message *reply) {
    std::vector<Forward> forwards;
    int r = sd_bus_message_enter_container(reply, 'a', "(ss)");
    const char *network = nullptr, *rule = nullptr;
    while (r >= 0 && (r = sd_bus_message_read(reply, "(ss)", &network, &rule)) > 0)
        forwards.push_back({network, rule});
    if (r < 0)
        return fail_errno(r, "cannot read the forwards");
    return forwards;
}

Result<std::vector<Forward>> host_forwards(sd_bus *bus, const std::string &vm) {
    const auto reply = call_vm(bus, vm, kGetForwards);
    if (!reply)
        return std::unexpected(reply.error());
    return read_forwards(reply->get());
}

}  // namespace qemunit::ctl
