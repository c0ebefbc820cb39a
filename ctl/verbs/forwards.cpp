// SPDX-License-Identifier: MIT
#include "ctl/verbs/forwards.h"

#include <fmt/format.h>

#include <sstream>

#include "ctl/output/table.h"
#include "ctl/vm/vm_bus.h"

namespace qemunit::ctl {

namespace {

constexpr std::string_view kMark = "[HOST_FORWARD]";

Result<int> change(const Invocation &invocation, const char *member) {
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

// QEMU: net/slirp.c, net_slirp_hostfwd_init() and "info usernet"; libslirp: misc.c,
// slirp_connection_info(). "Hub -1 (lan):", then a table for each network.
std::vector<Forward> parse_forwards(std::string_view usernet) {
    std::vector<Forward> forwards;
    std::string network;
    std::istringstream lines{std::string(usernet)};
    for (std::string line; std::getline(lines, line);) {
        const std::size_t open = line.find('('), close = line.rfind("):");
        if (!line.starts_with(' ') && open != line.npos && close != line.npos && open < close) {
            network = line.substr(open + 1, close - open - 1);
            continue;
        }
        const std::size_t mark = line.find(kMark);
        if (mark == line.npos)
            continue;
        std::string protocol = line.substr(0, mark);
        protocol.erase(0, protocol.find_first_not_of(' '));
        for (char &c : protocol)
            c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
        std::istringstream columns(line.substr(mark + kMark.size()));
        std::string fd, host, host_port, guest, guest_port;
        if (!(columns >> fd >> host >> host_port >> guest >> guest_port))
            continue;
        forwards.push_back(
            {network, fmt::format("{}:{}:{}-{}:{}", protocol, host == "*" ? "" : host, host_port,
                                  guest, guest_port)});
    }
    return forwards;
}

Result<int> run_forward_list(const Invocation &invocation) {
    auto bus = open_bus(invocation);
    if (!bus)
        return std::unexpected(bus.error());
    const auto usernet =
        ask_vm(bus->get(), invocation.arguments[0], "MonitorCommand", {kForwardsCommand});
    if (!usernet)
        return std::unexpected(usernet.error());
    std::vector<std::vector<std::string>> rows{{"NETWORK", "RULE"}};
    for (const Forward &forward : parse_forwards(*usernet))
        rows.push_back({forward.network, forward.rule});
    fmt::print("{}", table_text(rows));
    return 0;
}

Result<int> run_forward_add(const Invocation &invocation) {
    return change(invocation, "AddHostForward");
}

Result<int> run_forward_remove(const Invocation &invocation) {
    return change(invocation, "RemoveHostForward");
}

}  // namespace qemunit::ctl
