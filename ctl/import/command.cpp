// SPDX-License-Identifier: MIT
#include "ctl/import/command.h"

#include <fmt/format.h>

#include <algorithm>

#include "common/ascii.h"
#include "common/qemu_options/table.h"

namespace qemunit::ctl {

namespace {

constexpr std::string_view kSystem = "qemu-system-";

std::string_view base_name(std::string_view word) {
    return word.substr(word.rfind('/') + 1);
}

// NAME=value in front of a command.
bool is_environment(std::string_view word) {
    const std::size_t equals = word.find('=');
    return equals != word.npos && equals > 0 && !is_digit(word.front()) &&
           std::ranges::all_of(word.substr(0, equals),
                               [](char c) { return is_alphanumeric_or(c, "_"); });
}

// What runs QEMU: sudo, taskset and their like.
void read_wrappers(const std::vector<std::string> &words, std::size_t end, QemuCommand &command) {
    constexpr std::string_view kWithoutPart[] = {"sudo",   "doas", "exec",    "nohup",   "env",
                                                 "setsid", "time", "command", "builtin", "stdbuf"};
    for (std::size_t next = 0; next < end;) {
        const std::string &word = words[next++];
        const std::string_view program = base_name(word);
        const bool is_plain = std::ranges::find(kWithoutPart, program) != std::end(kWithoutPart);
        if (is_environment(word)) {
            command.lost.push_back(word +
                                   ": the environment of QEMU; Environment= in [Service] "
                                   "may say it");
            continue;
        }
        std::vector<std::string> options;
        while (next < end && !is_environment(words[next]) && !is_plain)
            options.push_back(words[next++]);
        while (is_plain && next < end && words[next].starts_with('-')) {
            const std::string &option = words[next++];
            if ((option == "-u" || option == "-g") && next < end)
                ++next;  // a user, a group
        }
        if (is_plain)
            continue;
        if (program == "taskset" && options.size() == 2 &&
            (options[0] == "-c" || options[0] == "--cpu-list")) {
            command.service.emplace_back("CPUAffinity", options[1]);
        } else if (program == "nice" && options.size() == 2 && options[0] == "-n") {
            command.service.emplace_back("Nice", options[1]);
        } else {
            std::string text = word;
            for (const std::string &option : options)
                text += " " + option;
            command.lost.push_back(text + ", which runs QEMU");
        }
    }
}

}  // namespace

bool is_qemu_program(std::string_view word) {
    const std::string_view name = base_name(word);
    return (name.starts_with(kSystem) && name.size() > kSystem.size() && !name.ends_with(".sh") &&
            std::ranges::all_of(name, [](char c) { return is_alphanumeric_or(c, "_.-"); })) ||
           name == "kvm" || name == "qemu-kvm" || name == "qemu";
}

Result<QemuCommand> parse_command(const std::vector<std::string> &words) {
    const auto program = std::ranges::find_if(words, is_qemu_program);
    if (program == words.end())
        return fail(EINVAL,
                    words.empty()
                        ? "there is no command"
                        : fmt::format("'{}' runs no qemu-system-…; the command of a VM does",
                                      words.front()));
    QemuCommand command;
    command.program = *program;
    read_wrappers(words, static_cast<std::size_t>(program - words.begin()), command);
    const std::string_view name = base_name(*program);
    if (name.starts_with(kSystem)) {
        command.architecture = name.substr(kSystem.size());
        // "qemu-system-x86_64-microvm", "qemu-system-x86_64.real"
        for (const std::string_view more : {"-microvm", "-spice", "-headless", ".real"})
            if (command.architecture.ends_with(more))
                command.architecture.resize(command.architecture.size() - more.size());
    } else {
        command.is_kvm = name != "qemu";
    }
    // Each turn takes a word at least.
    for (auto word = program + 1; word != words.end(); ++word) {
        if (!word->starts_with('-')) {
            command.options.push_back({"", *word});
            continue;
        }
        const QemuOption *option = find_qemu_option(*word);
        QemuCommand::Given given{
            option ? std::string(option->name) : word->substr(word->starts_with("--") ? 2 : 1), "",
            option != nullptr};
        if (option && option->has_value) {
            if (word + 1 == words.end())
                return fail(EINVAL, *word + " has no value: the command is cut off there");
            given.value = *++word;
        } else if (!option && word + 1 != words.end() && !(word + 1)->starts_with('-')) {
            given.value = *++word;
        }
        command.options.push_back(std::move(given));
    }
    return command;
}

}  // namespace qemunit::ctl
