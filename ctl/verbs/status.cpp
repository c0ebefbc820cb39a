// SPDX-License-Identifier: MIT
#include "ctl/verbs/status.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "common/shared_names.h"
#include "ctl/output/table.h"
#include "ctl/vm/vm_status.h"

namespace qemunit::ctl {

namespace {

// "monitor, qmp, serial". The socket that qemunitd has for itself is left out.
Result<std::vector<std::string>> sockets_of_vm(sd_bus *bus, const std::string &vm) {
    auto property = vm_property(bus, vm, "Sockets", "a{ss}");
    if (!property)
        return std::unexpected(property.error());
    std::vector<std::string> paths;
    int r = sd_bus_message_enter_container(property->get(), 'a', "{ss}");
    while (r >= 0) {
        const char *name = nullptr, *path = nullptr;
        r = sd_bus_message_read(property->get(), "{ss}", &name, &path);
        if (r == 0)
            return paths;
        if (r > 0 && std::string_view(name) != kControlSocket &&
            std::string_view(name) != kCompanionSocket)
            paths.emplace_back(path);
    }
    return fail_errno(r, "cannot read Sockets");
}

// What is wrong with the VM's ini file, a message for each error.
Result<std::vector<std::string>> errors_of(sd_bus *bus, const std::string &vm) {
    auto property = vm_property(bus, vm, "Errors", "as");
    if (!property)  // a qemunitd before 0.8.0, of another host
        return std::vector<std::string>();
    std::vector<std::string> errors;
    int r = sd_bus_message_enter_container(property->get(), 'a', "s");
    while (r >= 0) {
        const char *error = nullptr;
        r = sd_bus_message_read(property->get(), "s", &error);
        if (r == 0)
            return errors;
        if (r > 0)
            errors.emplace_back(error);
    }
    return fail_errno(r, "cannot read Errors");
}

Result<std::string> status_of(sd_bus *bus, const std::string &vm, const Invocation &invocation) {
    std::vector<std::vector<std::string>> rows;
    const auto add = [&rows](const std::string &label, std::string value) {
        if (!value.empty())
            rows.push_back({fmt::format("{:>10}:", label), std::move(value)});
    };
    const auto state = vm_text(bus, vm, "State");
    if (!state)
        return state;
    const auto unit = vm_text(bus, vm, "Unit"), ini = vm_text(bus, vm, "SourcePath"),
               qemu = vm_text(bus, vm, "QEMUVersion");
    const auto sockets = sockets_of_vm(bus, vm);
    const auto errors = errors_of(bus, vm);
    for (const auto *text : {&unit, &ini, &qemu})
        if (!*text)
            return *text;
    if (!sockets)
        return std::unexpected(sockets.error());
    if (!errors)
        return std::unexpected(errors.error());
    const auto statuses = query_status(bus, {{vm, *state, *unit}});
    if (!statuses)
        return std::unexpected(statuses.error());
    const VmStatus &status = statuses->front();

    add("State", status.result.empty() ? status.vm.state
                                       : fmt::format("{} ({})", status.vm.state, status.result));
    add("Uptime", status.up_usec ? duration_text(*status.up_usec) : "");
    add("Memory", status.memory ? size_text(*status.memory) : "");
    add("QEMU", has_old_qemu(status, invocation)
                    ? *qemu + ", not the one that is installed by now; UPGRADE in qemunitctl(1)"
                    : *qemu);
    add("Unit", *unit);
    add("Ini file", *ini);
    for (std::size_t i = 0; i < errors->size(); ++i)
        rows.push_back({i == 0 ? "    Errors:" : "", (*errors)[i]});
    for (std::size_t i = 0; i < sockets->size(); ++i)
        rows.push_back({i == 0 ? "   Sockets:" : "", (*sockets)[i]});
    if (status.forwards)
        for (std::size_t i = 0; i < status.forwards->size(); ++i)
            rows.push_back(
                {i == 0 ? "  Forwards:" : "", fmt::format("{} ({})", (*status.forwards)[i].rule,
                                                          (*status.forwards)[i].network)});
    return vm + "\n" + table_text(rows);
}

}  // namespace

Result<int> run_status(const Invocation &invocation) {
    auto bus = open_bus(invocation);
    if (!bus)
        return std::unexpected(bus.error());
    int exit_code = 0;
    bool is_first = true;
    for (const std::string &vm : invocation.arguments) {
        const auto text = status_of(bus->get(), vm, invocation);
        if (!text) {
            std::fflush(stdout);
            fmt::print(stderr, "qemunitctl: {}: {}\n", vm, text.error().message);
            exit_code = 1;
            continue;
        }
        fmt::print("{}{}", is_first ? "" : "\n", *text);
        is_first = false;
    }
    return exit_code;
}

}  // namespace qemunit::ctl
