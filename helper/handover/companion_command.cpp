// SPDX-License-Identifier: MIT
#include "helper/handover/companion_command.h"

#include <fmt/format.h>

#include <string_view>

#include "common/whole_number.h"

namespace qemunit::helper {

namespace {

constexpr std::string_view kQemu = "--qemu=", kFd = "--fd=";

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
        command.qemu = whole_number<pid_t>(argument++->substr(kQemu.size())).value_or(-1);
    if (command.qemu <= 0)
        return fail(EINVAL, "this program is for qemunit-helper, which runs it beside QEMU");
    for (; argument != arguments.end() && argument->starts_with(kFd); ++argument) {
        const std::string_view value = std::string_view(*argument).substr(kFd.size());
        const std::size_t colon = std::min(value.rfind(':'), value.size());
        const auto fd = whole_number<int>(value.substr(std::min(colon + 1, value.size())));
        if (!fd)
            return fail(EINVAL, fmt::format("{}: not a name and a number", *argument));
        command.fds.insert_or_assign(std::string(value.substr(0, colon)), UniqueFd(*fd));
    }
    auto told = parse_helper_options({argument, arguments.end()});
    if (!told)
        return std::unexpected(told.error());
    command.told = std::move(*told);
    return command;
}

}  // namespace qemunit::helper
