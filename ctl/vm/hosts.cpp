// SPDX-License-Identifier: MIT
#include "ctl/vm/hosts.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>

namespace qemunit::ctl {

namespace {

Result<> add_host(std::vector<std::string> &hosts, std::string_view word) {
    const auto host = parse_host(word);
    if (!host)
        return std::unexpected(host.error());
    if (std::ranges::find(hosts, *host) == hosts.end())
        hosts.push_back(*host);
    return {};
}

}  // namespace

Result<std::string> parse_host(std::string_view host) {
    if (host.empty() || host.starts_with('-'))
        return fail(EINVAL, fmt::format("'{}' is no name of a host", host));
    return std::string(host);
}

Result<std::vector<std::string>> parse_hosts(std::string_view text) {
    std::vector<std::string> hosts;
    for (std::size_t begin = 0; begin <= text.size();) {
        const std::size_t end = std::min(text.find(',', begin), text.size());
        if (auto added = add_host(hosts, text.substr(begin, end - begin)); !added)
            return std::unexpected(added.error());
        begin = end + 1;
    }
    return hosts;
}

Result<std::vector<std::string>> parse_hosts_file(std::string_view text, const std::string &path) {
    std::vector<std::string> hosts;
    for (std::size_t begin = 0, number = 1; begin < text.size(); ++number) {
        const std::size_t end = std::min(text.find('\n', begin), text.size());
        std::string_view line = text.substr(begin, end - begin);
        begin = end + 1;
        line = line.substr(0, line.find('#'));
        const std::size_t first = line.find_first_not_of(" \t\r");
        if (first == line.npos)
            continue;
        line = line.substr(first, line.find_last_not_of(" \t\r") - first + 1);
        if (auto added = add_host(hosts, line); !added)
            return fail(EINVAL, fmt::format("{}:{}: {}", path, number, added.error().message));
    }
    if (hosts.empty())
        return fail(EINVAL, path + " names no host");
    return hosts;
}

}  // namespace qemunit::ctl
