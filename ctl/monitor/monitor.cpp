// SPDX-License-Identifier: MIT
#include "ctl/monitor/monitor.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <map>

#include "common/qmp/qmp_client.h"
#include "ctl/monitor/human_monitor.h"
#include "ctl/monitor/line_editor.h"
#include "ctl/vm/vm_bus.h"

namespace qemunit::ctl {

namespace {

void print_output(const std::string &output) {
    if (!output.empty())
        fmt::print("{}{}", output, output.ends_with('\n') ? "" : "\n");
}

// Asks QEMU for the names once, when they are first wanted.
class CommandNames {
  public:
    explicit CommandNames(HumanMonitor &monitor) : monitor_(monitor) {}

    const std::vector<std::string> &of(const std::string &group) {
        auto &names = names_[group];
        if (names.empty())
            if (const auto help = monitor_.run_unasked(group.empty() ? "help" : "help " + group))
                names = command_names(*help, group);
        return names;
    }

  private:
    HumanMonitor &monitor_;
    std::map<std::string, std::vector<std::string>> names_;
};

// First words, and the second of "info" and "help".
Completion complete_line(CommandNames &names, std::string_view line) {
    line.remove_prefix(std::min(line.find_first_not_of(' '), line.size()));
    const std::size_t space = line.find(' ');
    if (space == line.npos)
        return complete(line, names.of(""));
    std::string_view rest = line.substr(space);
    rest.remove_prefix(std::min(rest.find_first_not_of(' '), rest.size()));
    const std::string_view word = line.substr(0, space);
    if (rest.contains(' ') || (word != "info" && word != "help"))
        return {};
    return complete(rest, names.of(word == "info" ? "info" : ""));
}

}  // namespace

Result<int> run_monitor(const Invocation &invocation) {
    const std::string &vm = invocation.arguments.front();
    auto bus = open_bus(invocation);
    if (!bus)
        return std::unexpected(bus.error());
    // Opened before anybody types, so that a monitor that cannot be had is reported at once.
    const auto monitor = HumanMonitor::open(invocation, bus->get());
    if (!monitor)
        return std::unexpected(monitor.error());
    CommandNames names(**monitor);
    LineEditor editor(fmt::format("({}) ", vm),
                      [&](std::string_view line) { return complete_line(names, line); });
    if (editor.has_terminal())
        fmt::print("QEMU's monitor of {}. Ctrl-D leaves it; \"quit\" would end the VM.\n", vm);
    int exit_code = 0;
    while (const auto line = editor.read()) {
        if (line->find_first_not_of(" \t") == line->npos)
            continue;
        if (editor.has_terminal() && *line == "exit")
            return 0;
        const auto output = (*monitor)->run(*line);
        if (output) {
            print_output(*output);
            std::fflush(stdout);
            continue;
        }
        fmt::print(stderr, "{}\n", output.error().message);
        if (!editor.has_terminal())
            exit_code = 1;
    }
    if (editor.has_terminal())
        fmt::print("\n");
    return exit_code;
}

Result<int> run_cmd(const Invocation &invocation) {
    const auto &words = invocation.arguments;
    auto bus = open_bus(invocation);
    if (!bus)
        return std::unexpected(bus.error());
    const auto output = ask_vm(bus->get(), words.front(), "MonitorCommand",
                               {fmt::format("{}", fmt::join(words.begin() + 1, words.end(), " "))});
    if (!output)
        return std::unexpected(output.error());
    print_output(*output);
    return 0;
}

Result<int> run_qmp(const Invocation &invocation) {
    const auto &words = invocation.arguments;
    auto bus = open_bus(invocation);
    if (!bus)
        return std::unexpected(bus.error());
    const auto result =
        ask_vm(bus->get(), words[0], "Execute", {words[1], words.size() > 2 ? words[2] : ""});
    if (!result)
        return std::unexpected(result.error());
    // A person gets the answer with indents, a program as it came.
    const auto value = parse_json(*result);
    const bool pretty = isatty(STDOUT_FILENO) == 1 && !value.is_discarded();
    fmt::print("{}\n", pretty ? value.dump(2, ' ', false, nlohmann::json::error_handler_t::replace)
                              : *result);
    return 0;
}

}  // namespace qemunit::ctl
