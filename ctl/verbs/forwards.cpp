// SPDX-License-Identifier: MIT
#include "ctl/verbs/forwards.h"

#include <fmt/format.h>

#include "ctl/output/table.h"
#include "ctl/vm/host_forwards.h"
#include "ctl/vm/vm_bus.h"

namespace qemunit::ctl {

namespace {

Result<int> change_forward(const Invocation &invocation, const char *member) {
    auto bus = open_bus(invocation);
    if (!bus)
        return std::unexpected(bus.error());
    const auto done =
        call_vm(bus->get(), invocation.arguments[0], member, {invocation.arguments[1]});
    if (!done)
        return std::unexpected(done.error());
    return 0;
}

}  // namespace

Result<int> run_forward_list(const Invocation &invocation) {
    auto bus = open_bus(invocation);
    if (!bus)
        return std::unexpected(bus.error());
    const auto forwards = host_forwards(bus->get(), invocation.arguments[0]);
    if (!forwards)
        return std::unexpected(forwards.error());
    std::vector<std::vector<std::string>> rows{{"NETWORK", "RULE"}};
    for (const Forward &forward : *forwards)
        rows.push_back({forward.network, forward.rule});
    fmt::print("{}", table_text(rows));
    return 0;
}

Result<int> run_forward_add(const Invocation &invocation) {
    return change_forward(invocation, "AddHostForward");
}

Result<int> run_forward_remove(const Invocation &invocation) {
    return change_forward(invocation, "RemoveHostForward");
}

}  // namespace qemunit::ctl
