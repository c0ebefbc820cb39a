// SPDX-License-Identifier: MIT
#include "helper/handover/companion_command.h"

#include <fmt/format.h>

#include <algorithm>
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
    command.words.assign(argument, arguments.end());
    auto told = parse_helper_options(command.words);
    if (!told)
        return std::unexpected(told.error());
    command.told = std::move(*told);
    return command;
}

std::string successor_argument(const SuccessorOrder &order) {
    return fmt::format("{}{},{},{}", kSuccessor, order.machine, order.accelerator, order.socket);
}

Result<SuccessorOrder> parse_successor_argument(std::string_view argument) {
    const auto wrong = [] {
        return fail(EINVAL, "not a machine, an accelerator and a socket");
    };
    if (!argument.starts_with(kSuccessor))
        return wrong();
    argument.remove_prefix(kSuccessor.size());
    const std::size_t first = argument.find(',');
    const std::size_t second = first == argument.npos ? first : argument.find(',', first + 1);
    if (second == argument.npos)
        return wrong();
    SuccessorOrder order{std::string(argument.substr(0, first)),
                         std::string(argument.substr(first + 1, second - first - 1)),
                         std::string(argument.substr(second + 1))};
    constexpr std::string_view kOfMachines =
        "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-._";
    if (order.machine.empty() ||
        order.machine.find_first_not_of(kOfMachines) != order.machine.npos ||
        (order.accelerator != "kvm" && order.accelerator != "tcg") ||
        !order.socket.starts_with('/') || order.socket.find(',') != order.socket.npos)
        return wrong();
    return order;
}

}  // namespace qemunit::helper
