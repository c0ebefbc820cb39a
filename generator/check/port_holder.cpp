// SPDX-License-Identifier: MIT
#include "generator/check/port_holder.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "common/vm_name.h"
#include "common/whole_number.h"

namespace qemunit::generator {

namespace {

namespace fs = std::filesystem;

std::string text_of(const fs::path &path) {
    std::ifstream file(path);
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
}

// `local`: eight or 32 hexadecimal digits, each group of eight a 32-bit word as it is in memory.
bool is_in_the_way(std::string_view local, const HostForward &forward) {
    if (local.find_first_not_of('0') == local.npos)
        return true;  // all addresses, those of IPv4 among them
    constexpr std::string_view kMappedIPv4 = "0000000000000000FFFF0000";
    if (local.starts_with(kMappedIPv4))
        local.remove_prefix(kMappedIPv4.size());
    if (local.size() != 8)
        return false;
    if (forward.is_for_all_addresses())
        return true;
    in_addr address{};
    inet_pton(AF_INET, forward.host_address.c_str(), &address);
    return whole_number<uint32_t>(local, {.base = 16}) == address.s_addr;
}

// "0::/machine.slice/qemu@web.service" is the group of the VM "web"; programs beside its QEMU have
// units with the same instance.
std::string vm_of_group(const std::string &groups) {
    constexpr std::string_view kNetworks[] = {"qemu-usernet@", "qemu-passt@"};
    std::istringstream parts(groups);
    for (std::string part; std::getline(parts, part, '/');) {
        while (part.ends_with('\n'))
            part.pop_back();
        if (auto vm = vm_of_service_unit(part))
            return *vm;
        for (const std::string_view network : kNetworks)
            if (part.starts_with(network))
                return part.substr(network.size(), part.find(':') - network.size());
    }
    return {};
}

PortHolder process_with(const std::set<uint64_t> &sockets) {
    std::error_code gone;
    for (fs::directory_iterator process("/proc", gone), end; !gone && process != end;
         process.increment(gone)) {
        const std::string pid = process->path().filename();
        if (!whole_number<int>(pid))
            continue;
        std::error_code error;  // it has ended, or is not ours to see
        for (fs::directory_iterator fd(process->path() / "fd", error); !error && fd != end;
             fd.increment(error)) {
            constexpr std::string_view kSocket = "socket:[";
            std::error_code closed;
            const std::string target = fs::read_symlink(fd->path(), closed);
            if (!target.starts_with(kSocket))
                continue;
            const auto inode = whole_number(std::string_view(target).substr(
                kSocket.size(), target.size() - kSocket.size() - 1));
            if (!inode || !sockets.contains(*inode))
                continue;
            std::string name = text_of(process->path() / "comm");
            while (name.ends_with('\n'))
                name.pop_back();
            return {vm_of_group(text_of(process->path() / "cgroup")),
                    fmt::format("{} (PID {})", name, pid)};
        }
    }
    return {};
}

}  // namespace

std::set<uint64_t> sockets_in_the_way(std::string_view table, const HostForward &forward) {
    constexpr std::string_view kListening = "0A";
    std::set<uint64_t> sockets;
    std::istringstream lines{std::string(table)};
    std::string line;
    std::getline(lines, line);  // the headings
    while (std::getline(lines, line)) {
        std::istringstream words(line);
        std::string slot, local, remote, state, queues, timer, retries, user, timeout, inode;
        words >> slot >> local >> remote >> state >> queues >> timer >> retries >> user >>
            timeout >> inode;
        const std::size_t colon = local.find(':');
        if (colon == local.npos || (forward.protocol == "tcp" && state != kListening) ||
            whole_number<unsigned>(std::string_view(local).substr(colon + 1), {.base = 16}) !=
                forward.host_port ||
            !is_in_the_way(std::string_view(local).substr(0, colon), forward))
            continue;
        if (const auto socket = whole_number(inode))
            sockets.insert(*socket);
    }
    return sockets;
}

std::optional<PortHolder> holder_of(const HostForward &forward) {
    std::set<uint64_t> sockets =
        sockets_in_the_way(text_of("/proc/net/" + forward.protocol), forward);
    sockets.merge(sockets_in_the_way(text_of("/proc/net/" + forward.protocol + "6"), forward));
    if (sockets.empty())
        return std::nullopt;
    return process_with(sockets);
}

unsigned first_unprivileged_port() {
    constexpr unsigned kUsual = 1024;
    std::string text = text_of("/proc/sys/net/ipv4/ip_unprivileged_port_start");
    while (text.ends_with('\n'))
        text.pop_back();
    return whole_number<unsigned>(text).value_or(kUsual);
}

}  // namespace qemunit::generator
