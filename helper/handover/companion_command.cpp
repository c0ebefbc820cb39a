// SPDX-License-Identifier: MIT
#include "helper/handover/companion_command.h"

#include <fmt/format.h>

#include <charconv>
#include <string_view>

namespace qemunit::helper {

namespace {

constexpr std::string_view kQemu = "--qemu=", kFd = "--fd=";

// A PID or fd; -1 if it is none.
int parse_number(std::string_view text) {
    int number = -1;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    return error == std::errc{} && end == text.data() + text.size() ? number : -1;
}

}  // namespace

std::vector<std::string> companion_arguments(pid_t qemu, const CompanionFds &fds,
                                             const std::vector<std::string> &told) {
    std::vector<std::string> arguments{fmt::format("{}{}", kQemu, qemu)};
    for (const auto &[name, fd] : fds)
        arguments.push_back(fmt::format("{}{}:{}", kFd, name, fd.get()));
    arguments.insert(arguments.end(), told.begin(), told.end());
    return arguments;
}

Result<CompanionCommand> parse_companion_arguments(const std::vector<std::string> &arguments) {
    CompanionCommand command;
    auto argument = arguments.begin();
    if (argument != arguments.end() && argument->starts_with(kQemu))
        command.qemu = parse_number(argument++->substr(kQemu.size()));
    if (command.qemu <= 0)
        return fail(EINVAL, "this program is for qemunit-helper, which runs it beside QEMU");
    for (; argument != arguments.end() && argument->starts_with(kFd); ++argument) {
        const std::string_view value = std::string_view(*argument).substr(kFd.size());
        const std::size_t colon = std::min(value.rfind(':'), value.size());
        const int fd = parse_number(value.substr(std::min(colon + 1, value.size())));
        if (fd < 0)
            return fail(EINVAL, fmt::format("{}: not a name and a number", *argument));
        command.fds.insert_or_assign(std::string(value.substr(0, colon)), UniqueFd(fd));
    }
    auto told = parse_helper_options({argument, arguments.end()});
    if (!told)
        return std::unexpected(told.error());
    command.told = std::move(*told);
    return command;
}

}  // namespace qemunit::helper
