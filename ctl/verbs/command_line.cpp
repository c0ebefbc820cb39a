// SPDX-License-Identifier: MIT
#include "ctl/verbs/command_line.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "common/ascii.h"
#include "common/helper_options.h"
#include "common/paths.h"
#include "common/shared_names.h"
#include "common/usernet/options.h"
#include "common/vm_name.h"
#include "ctl/verbs/drive_words.h"
#include "ctl/verbs/user_network_words.h"
#include "ctl/vm/vm_bus.h"

namespace qemunit::ctl {

namespace {

using Words = std::vector<std::string>;

bool is_plain(char c) {
    return is_alphanumeric_or(c, "@%+=:,./-_");
}

}  // namespace

Result<std::vector<std::vector<std::string>>> commands_of(sd_bus *bus, const std::string &unit) {
    auto property = service_property(bus, unit, "ExecStart", "a(sasbttttuii)");
    if (!property)
        return std::unexpected(property.error());
    sd_bus_message *message = property->get();
    std::vector<std::vector<std::string>> commands;
    int r = sd_bus_message_enter_container(message, 'a', "(sasbttttuii)");
    while (r >= 0 && (r = sd_bus_message_enter_container(message, 'r', "sasbttttuii")) > 0) {
        r = sd_bus_message_skip(message, "s");
        if (r >= 0)
            r = sd_bus_message_enter_container(message, 'a', "s");
        const char *word = nullptr;
        std::vector<std::string> &words = commands.emplace_back();
        while (r >= 0 && (r = sd_bus_message_read(message, "s", &word)) > 0)
            words.emplace_back(word);
        if (r >= 0)
            r = sd_bus_message_exit_container(message);
        if (r >= 0)
            r = sd_bus_message_skip(message, "bttttuii");
        if (r >= 0)
            r = sd_bus_message_exit_container(message);
    }
    if (r < 0)
        return fail_errno(r, "cannot read ExecStart= of its unit");
    return commands;
}

Result<std::vector<std::string>> exec_start_of(sd_bus *bus, const std::string &unit) {
    auto commands = commands_of(bus, unit);
    if (!commands)
        return std::unexpected(commands.error());
    return commands->empty() ? std::vector<std::string>() : std::move(commands->front());
}

std::vector<std::string> command_by_hand(const std::vector<std::string> &exec_start) {
    if (exec_start.empty() || !exec_start.front().ends_with("/qemunit-helper"))
        return {};
    const auto program = std::find_if(exec_start.begin() + 1, exec_start.end(),
                                      [](const auto &word) { return !word.starts_with('-'); });
    if (program == exec_start.end())
        return {};
    using namespace helper_option;
    std::vector<std::string> command{*program};
    bool has_terminal = false;
    for (auto option = exec_start.begin() + 1; option != program; ++option) {
        const bool is_serial = takes_value(*option, kSerial), is_agent = *option == kAgent;
        if (!is_serial && !takes_value(*option, kChannel) && !is_agent)
            continue;
        const std::string_view value = value_of(*option);
        const std::string_view name =
            is_agent ? kGuestAgentSocket : value.substr(0, value.find(','));
        command.emplace_back("-chardev");
        // A person who runs a VM by hand wants its console on the terminal. Ctrl-C goes to the
        // guest.
        command.push_back(is_serial && !std::exchange(has_terminal, true)
                              ? fmt::format("stdio,id={},mux=on,signal=off", name)
                              : fmt::format("null,id={}", name));
    }
    command.insert(command.end(), program + 1, exec_start.end());
    name_files(command, files_of_helper(exec_start));
    return command;
}

std::string quote_for_shell(const std::string &word) {
    if (!word.empty() && std::ranges::all_of(word, is_plain))
        return word;
    std::string quoted = "'";
    for (char c : word)
        quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
    return quoted + "'";
}

std::string shell_text(const std::vector<std::string> &command) {
    std::string text;
    for (const std::string &word : command) {
        if (!text.empty())
            text += word.starts_with('-') ? " \\\n    " : " ";
        text += quote_for_shell(word);
    }
    return text;
}

Result<int> run_cat(const Invocation &invocation) {
    const std::string &vm = invocation.arguments.front();
    auto bus = open_bus(invocation);
    if (!bus)
        return std::unexpected(bus.error());
    // Asked for the sake of its error, which says which VM may be meant if there is none of this
    // name.
    if (auto state = vm_text(bus->get(), vm, "State"); !state)
        return std::unexpected(state.error());
    const auto words = exec_start_of(bus->get(), service_unit(vm));
    if (!words)
        return std::unexpected(words.error());
    const auto command = with_user_networks(command_by_hand(*words), [&](const std::string &card) {
        return exec_start_of(bus->get(), usernet_unit(vm, card)).value_or(Words());
    });
    if (command.empty())
        return fail(ENOENT, "its unit runs no QEMU; see: systemctl cat qemu@" + vm);
    fmt::print("{}\n", shell_text(command));
    return 0;
}

}  // namespace qemunit::ctl
