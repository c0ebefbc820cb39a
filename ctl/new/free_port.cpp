// SPDX-License-Identifier: MIT
#include "ctl/new/free_port.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string_view>

#include "common/host_forward.h"
#include "common/unique_fd.h"

namespace qemunit::ctl {

namespace {

namespace fs = std::filesystem;

// Below the ports that the kernel gives to those who connect (32768).
constexpr unsigned kFirst = 10022, kOfAUser = 50, kUsers = 400, kEnd = 32768;

void add_ports_of(const fs::path &path, std::set<unsigned> &ports) {
    std::ifstream file(path);
    for (std::string line; std::getline(file, line);) {
        const std::size_t equals = line.find('=');
        if (equals == line.npos || !line.contains("HostForward"))
            continue;
        std::string_view value = std::string_view(line).substr(equals + 1);
        while (value.starts_with(' ') || value.starts_with('\t'))
            value.remove_prefix(1);
        while (value.ends_with(' ') || value.ends_with('\t') || value.ends_with('\r'))
            value.remove_suffix(1);
        if (const auto forward = parse_host_forward(value))
            ports.insert(forward->host_port);
    }
}

bool is_free(unsigned port) {
    const UniqueFd probe(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return probe &&
           bind(probe.get(), reinterpret_cast<const sockaddr *>(&address), sizeof address) == 0;
}

}  // namespace

std::set<unsigned> wanted_ports(const std::vector<std::string> &config_dirs) {
    std::set<unsigned> ports;
    for (const std::string &dir : config_dirs) {
        std::error_code error;
        for (fs::recursive_directory_iterator
                 entry(dir, fs::directory_options::skip_permission_denied, error),
             end;
             !error && entry != end; entry.increment(error)) {
            const fs::path type = entry->path().extension();
            std::error_code none;
            if ((type == ".ini" || type == ".conf") && entry->is_regular_file(none))
                add_ports_of(entry->path(), ports);
        }
    }
    return ports;
}

Result<unsigned> find_free_port(const Paths &paths, const std::set<unsigned> &more) {
    std::set<unsigned> taken = wanted_ports(paths.config_dirs());
    unsigned begin = kFirst;
    if (paths.is_of_user()) {
        taken.merge(wanted_ports(Paths().config_dirs()));
        begin += (1 + geteuid() % kUsers) * kOfAUser;
    }
    for (unsigned port = begin; port < kEnd; ++port)
        if (!taken.contains(port) && !more.contains(port) && is_free(port))
            return port;
    return fail(
        EADDRINUSE,
        fmt::format("no port of 127.0.0.1 from {} on is free for ssh; use --bridge=", begin));
}

}  // namespace qemunit::ctl
