// SPDX-License-Identifier: MIT
#include "bus/options.h"

#include <fmt/format.h>

#include "common/options.h"
#include "common/whole_number.h"

namespace qemunit::bus {

namespace {

Result<uint64_t> parse_seconds(std::string_view text) {
    const auto seconds = whole_number<uint32_t>(text);
    if (!seconds)
        return fail(EINVAL, fmt::format("'{}' is not a number of seconds", text));
    return *seconds * kSecond;
}

constexpr Option<DaemonOptions> kDaemonOptions[] = {
    {{.name = "--user", .help = "The VMs of the user's own manager, on the session bus"},
     set_to<&DaemonOptions::user>},
    {{.name = "--state",
      .value = "DIRECTORY",
      .help = "Where qemunit/NAME has the state of VMs (/var/lib)"},
     set_text<&DaemonOptions::state>},
    {{.name = "--idle-exit",
      .value = "SECONDS",
      .help = "End after that time if no VM runs and all who called have\n"
              "gone; 0: never (60)"},
     set_parsed<&DaemonOptions::idle_usec, parse_seconds>},
    {kHelpOption, set_to<&DaemonOptions::mode, DaemonOptions::Mode::help>, true},
    {kVersionOption, set_to<&DaemonOptions::mode, DaemonOptions::Mode::version>, true},
};

}  // namespace

std::string daemon_help() {
    return options_help(
        R"(qemunitd [--user] [--state=DIRECTORY] [--idle-exit=SECONDS] [--help | --version]

The D-Bus service org.qemunit1, which gives programs the monitors of the VMs that
systemd runs as qemu@NAME.service. The bus starts it when it is needed.

)",
        kDaemonOptions, "\nSee qemunitd(8) and org.qemunit1(5).\n");
}

Result<DaemonOptions> parse_daemon_options(const std::vector<std::string> &arguments) {
    DaemonOptions options;
    const auto words = take_options(kDaemonOptions, arguments, Operands::anywhere, options);
    if (!words)
        return std::unexpected(words.error());
    if (!words->empty())
        return fail(EINVAL, fmt::format("unknown argument '{}'; see --help", words->front()));
    return options;
}

}  // namespace qemunit::bus
