// SPDX-License-Identifier: MIT
#include "helper/usernet/usernet_options.h"

#include <fmt/format.h>

#include "common/options.h"
#include "common/usernet/options.h"

namespace qemunit::helper {

namespace {

Result<HostForward> parse_rule(std::string_view text) {
    auto forward = parse_host_forward(text);
    if (!forward)
        return fail(EINVAL,
                    fmt::format("{}={}: {}", usernet_option::kForward, text, forward.error()));
    return std::move(*forward);
}

Result<> restrict_guest(UsernetOptions &options, std::string_view) {
    options.settings.restricted = true;
    return {};
}

Result<> open_host(UsernetOptions &options, std::string_view) {
    options.settings.host_loopback = true;
    return {};
}

Result<> be_connected(UsernetOptions &options, std::string_view) {
    options.connected = true;
    return {};
}

using Mode = UsernetOptions::Mode;
constexpr Option<UsernetOptions> kUsernetOptions[] = {
    {{.name = usernet_option::kVm, .value = "NAME", .help = "The VM, for messages"},
     set_text<&UsernetOptions::vm>},
    {{.name = usernet_option::kNetwork, .value = "NAME", .help = "The network of the VM"},
     set_text<&UsernetOptions::network>},
    {{.name = usernet_option::kForward,
      .value = "RULE",
      .help = "A port of the host that leads to the guest, as in tcp::10022-:22;\n"
              "can be given several times"},
     add_parsed<&UsernetOptions::forwards, parse_rule>},
    {{.name = usernet_option::kRestrict, .help = "The guest reaches nothing"}, restrict_guest},
    {{.name = usernet_option::kHostLoopback,
      .help = "The guest reaches 127.0.0.1 of the host, as 10.0.2.2"},
     open_host},
    {{.name = usernet_option::kConnected,
      .help = "QEMU is connected to standard input already; the network ends with it"},
     be_connected},
    {kHelpOption, set_to<&UsernetOptions::mode, Mode::help>, true},
    {kVersionOption, set_to<&UsernetOptions::mode, Mode::version>, true},
};

}  // namespace

Result<UsernetOptions> parse_usernet_options(const std::vector<std::string> &arguments) {
    UsernetOptions options;
    auto operands =
        take_options<UsernetOptions>(kUsernetOptions, arguments, Operands::anywhere, options);
    if (!operands)
        return std::unexpected(operands.error());
    if (options.mode != Mode::serve)
        return options;
    if (options.connected) {
        if (!operands->empty())
            return fail(EINVAL,
                        fmt::format("with {}, there is no folder", usernet_option::kConnected));
        return options;
    }
    if (operands->size() != 1)
        return fail(EINVAL, "give the folder for its sockets");
    options.folder = std::move(operands->front());
    return options;
}

std::string usernet_help() {
    return options_help(
        "Usage: qemunit-usernet [OPTION…] FOLDER\n\n"
        "The user network of a VM, for ExecStart= of qemu-usernet@.service: QEMU "
        "connects to\nFOLDER/sock.\n\n",
        kUsernetOptions, "\nSee qemunit(7).\n");
}

}  // namespace qemunit::helper
