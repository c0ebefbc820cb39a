// SPDX-License-Identifier: MIT
#include "ctl/verbs/list.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include <algorithm>

#include "ctl/output/table.h"
#include "ctl/verbs/fleet.h"
#include "ctl/vm/hosts.h"
#include "ctl/vm/whole_file.h"

namespace qemunit::ctl {

namespace {

constexpr char kUnknown[] = "-";

std::vector<std::string> rules_of(const VmStatus &vm) {
    std::vector<std::string> rules;
    if (vm.forwards)
        for (const Forward &forward : *vm.forwards)
            rules.push_back(forward.rule);
    return rules;
}

// "failed (timeout)"
std::string state_of(const VmStatus &vm) {
    return vm.vm.state == "failed" ? fmt::format("failed ({})", vm.result) : vm.vm.state;
}

// Empty: one manager is asked, over one bus.
Result<std::vector<std::string>> hosts_of(const Invocation &invocation) {
    const std::string file = invocation.value("--hosts");
    if (file.empty() && !invocation.host.contains(','))
        return {};
    if (file.empty())
        return parse_hosts(invocation.host);
    if (invocation.bus != Invocation::Bus::system)
        return fail(EINVAL, "--hosts says which machines; --host and --user do not go with it");
    const auto text = read_whole(file);
    if (!text)
        return std::unexpected(text.error());
    return parse_hosts_file(*text, file);
}

}  // namespace

std::string old_qemu_text(const std::vector<std::string> &names) {
    if (names.empty())
        return {};
    return fmt::format(
        "QEMU was replaced since {} began, as by an upgrade: qemunitctl upgrade --through-disk "
        "{}\n",
        fmt::join(names, ", "), names.size() == 1 ? names.front() : "--all");
}

std::string list_text(const std::vector<VmStatus> &vms, const Paths &paths) {
    if (vms.empty())
        return fmt::format(
            "No VMs are configured. The ini file of one is {}/NAME.ini, see qemunit.ini(5); after "
            "it was written: {} daemon-reload\n",
            paths.config_dirs().front(), paths.systemctl());
    std::vector<std::vector<std::string>> rows{{"VM", "STATE", "UPTIME", "MEMORY", "FORWARDS"}};
    for (const VmStatus &status : vms) {
        const auto rules = rules_of(status);
        rows.push_back({status.vm.name, state_of(status),
                        status.up_usec ? duration_text(*status.up_usec) : kUnknown,
                        status.memory ? size_text(*status.memory) : kUnknown,
                        rules.empty() ? kUnknown : fmt::format("{}", fmt::join(rules, " "))});
    }
    return table_text(rows);
}

std::string list_json(const std::vector<VmStatus> &vms, const std::vector<std::string> &old_qemu) {
    auto list = nlohmann::ordered_json::array();
    for (const VmStatus &status : vms) {
        nlohmann::ordered_json vm{
            {"name", status.vm.name}, {"state", status.vm.state}, {"unit", status.vm.unit}};
        if (!status.result.empty())
            vm["result"] = status.result;
        vm["uptime_usec"] = status.up_usec ? nlohmann::ordered_json(*status.up_usec) : nullptr;
        vm["memory_bytes"] = status.memory ? nlohmann::ordered_json(*status.memory) : nullptr;
        vm["forwards"] =
            status.forwards ? nlohmann::ordered_json(rules_of(status)) : nlohmann::ordered_json();
        vm["qemu_replaced"] = std::ranges::find(old_qemu, status.vm.name) != old_qemu.end();
        list.push_back(std::move(vm));
    }
    // With this error handler, a text that is no UTF-8 does not throw.
    return list.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

Result<int> run_list(const Invocation &invocation) {
    const auto hosts = hosts_of(invocation);
    if (!hosts)
        return std::unexpected(hosts.error());
    if (!hosts->empty())
        return list_fleet(invocation, *hosts);
    auto bus = open_bus(invocation);
    if (!bus)
        return std::unexpected(bus.error());
    auto vms = list_vms(bus->get());
    if (!vms)
        return std::unexpected(vms.error());
    if (invocation.has("--names")) {
        for (const ListedVm &vm : *vms)
            fmt::print("{}\n", vm.name);
        return 0;
    }
    const auto statuses = query_status(bus->get(), std::move(*vms));
    if (!statuses)
        return std::unexpected(statuses.error());
    std::vector<std::string> old;
    for (const VmStatus &status : *statuses)
        if (has_old_qemu(status, invocation))
            old.push_back(status.vm.name);
    if (invocation.has("--json"))
        fmt::print("{}", list_json(*statuses, old));
    else
        fmt::print("{}{}", list_text(*statuses, paths_of(invocation)), old_qemu_text(old));
    return 0;
}

}  // namespace qemunit::ctl
