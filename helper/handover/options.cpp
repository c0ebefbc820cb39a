// SPDX-License-Identifier: MIT
#include "helper/handover/options.h"

#include <fmt/format.h>

#include <algorithm>

#include "common/helper_options.h"
#include "common/options.h"
#include "common/time_units.h"
#include "common/vm_name.h"
#include "common/whole_number.h"

namespace qemunit::helper {

namespace {

Result<SerialPortOptions> parse_serial(std::string_view text) {
    SerialPortOptions port;
    std::size_t end = std::min(text.find(','), text.size());
    port.name = text.substr(0, end);
    while (end < text.size()) {
        text.remove_prefix(end + 1);
        end = std::min(text.find(','), text.size());
        const std::string_view flag = text.substr(0, end);
        if (flag == helper_option::kDirect)
            port.direct = true;
        else if (flag == helper_option::kNoLog)
            port.log = false;
        else
            return fail(EINVAL, fmt::format("unknown flag '{}' of a serial port", flag));
    }
    if (!is_device_name(port.name))
        return fail(EINVAL, fmt::format("'{}' is not the name of a serial port", port.name));
    return port;
}

Result<StopMode> parse_stop_mode(std::string_view text) {
    if (text == helper_option::kPoweroff)
        return StopMode::poweroff;
    if (text == helper_option::kHibernate)
        return StopMode::hibernate;
    if (text == helper_option::kQuit)
        return StopMode::quit;
    return fail(EINVAL, fmt::format("'{}' is no way to stop a VM", text));
}

Result<uint64_t> parse_seconds(std::string_view text) {
    const auto seconds = whole_number<uint32_t>(text, {.least = 1});
    if (!seconds)
        return fail(EINVAL, fmt::format("'{}' is not a number of seconds", text));
    return *seconds * kSecond;
}

Result<Awaited> parse_ready(std::string_view text) {
    using namespace helper_option;
    if (text == kAgentAnswers)
        return Awaited{Awaited::Thing::agent, {}};
    if (text.starts_with(kSerialLine))
        return Awaited{Awaited::Thing::console_line, std::string(text.substr(kSerialLine.size()))};
    if (text.starts_with(kNotice)) {
        text.remove_prefix(kNotice.size());
        const auto cid = whole_number<unsigned>(text);
        if (!cid)
            return fail(EINVAL,
                        fmt::format("{}={}{}: not the CID of a guest", kReady, kNotice, text));
        return Awaited{Awaited::Thing::notify, {}, *cid};
    }
    return fail(EINVAL, fmt::format("{}={}: nothing that can be waited for", kReady, text));
}

// "1048576:raw:/path"
Result<SizedImage> parse_sized(std::string_view text) {
    SizedImage image;
    const std::size_t colon = std::min(text.find(':'), text.size());
    const auto size = whole_number(text.substr(0, colon));
    if (colon == text.size() || !size)
        return fail(EINVAL, fmt::format("'{}' is not a size, a format and an image", text));
    const std::string_view rest = text.substr(colon + 1);
    const std::size_t next = rest.find(':');
    if (next == rest.npos || next == 0 || !rest.substr(next + 1).starts_with('/'))
        return fail(EINVAL, fmt::format("'{}' is not a format and an image", rest));
    image.size = *size;
    image.format = rest.substr(0, next);
    image.path = rest.substr(next + 1);
    return image;
}

Result<std::string> parse_channel(std::string_view text) {
    if (!is_device_name(text))
        return fail(EINVAL, fmt::format("'{}' is not the name of a channel", text));
    return std::string(text);
}

Result<std::string> parse_unplugged(std::string_view text) {
    if (!is_device_name(text))
        return fail(EINVAL, fmt::format("'{}' is not the name of a network card", text));
    return std::string(text);
}

Result<std::string> parse_optional_device(std::string_view text) {
    if (!is_device_name(text))
        return fail(EINVAL, fmt::format("'{}' is not the name of a device", text));
    return std::string(text);
}

Result<HelperOptions::Need> parse_need(std::string_view text) {
    const std::size_t comma = text.find(',');
    if (comma == text.npos || comma == 0 || comma == text.size() - 1)
        return fail(EINVAL, fmt::format("'{}' is not a unit and its socket", text));
    return HelperOptions::Need{std::string(text.substr(0, comma)),
                               std::string(text.substr(comma + 1))};
}

constexpr Option<HelperOptions> kHelperOptions[] = {
    {{.name = helper_option::kVm, .value = "NAME", .help = "The VM's name"},
     set_text<&HelperOptions::vm>},
    {{.name = helper_option::kUser, .help = "It is run by a user's manager, not by the system's"},
     set_to<&HelperOptions::scope, Scope::user>},
    {{.name = helper_option::kCaller,
      .help = "The VM is that of `qemunitctl run`, at the other end of standard\n"
              "input: what QEMU gets open comes from there"},
     set_to<&HelperOptions::has_caller>},
    {{.name = helper_option::kSerial,
      .value = "PORT",
      .help = "A serial port; `direct`: QEMU serves PORT.sock itself,\n"
              "`nolog`: its lines do not go to the journal"},
     add_parsed<&HelperOptions::serials, parse_serial>},
    {{.name = helper_option::kChannel,
      .value = "NAME",
      .help = "A channel: QEMU serves NAME.sock itself"},
     add_parsed<&HelperOptions::channels, parse_channel>},
    {{.name = helper_option::kUnplugged,
      .value = "CARD",
      .help = "A network card whose cable is out"},
     add_parsed<&HelperOptions::unplugged, parse_unplugged>},
    {{.name = helper_option::kAgent,
      .help = "The channel to the guest agent, with the socket agent.sock"},
     set_to<&HelperOptions::agent>},
    {{.name = helper_option::kReady,
      .value = "serial:REGEX, --ready=agent, --ready=notify:CID",
      .help = "The VM has started when the first serial port prints such a\n"
              "line, the guest agent answers, or the guest with this CID\n"
              "says READY=1 by vsock; without, when QEMU answers"},
     set_parsed<&HelperOptions::ready, parse_ready>},
    {{.name = helper_option::kCheckKvm,
      .help = "Leave out `-accel kvm` where KVM does not run guests well"},
     set_to<&HelperOptions::check_kvm>},
    {{.name = helper_option::kUefiVariables,
      .value = "TEMPLATE",
      .help = "Copy it to the VM's state directory, unless there is a copy"},
     set_text<&HelperOptions::uefi_variables>},
    {{.name = helper_option::kReads,
      .value = "PATH",
      .help = "Give advice if QEMU may not read it"},
     add_text<&HelperOptions::reads>},
    {{.name = helper_option::kWrites,
      .value = "PATH",
      .help = "Give advice if QEMU may not write it"},
     add_text<&HelperOptions::writes>},
    {{.name = helper_option::kMade, .value = "PATH", .help = "Give advice if it was not made"},
     add_text<&HelperOptions::made>},
    {{.name = helper_option::kDriveFile,
      .value = "SET:DRIVE:ACCESS:FORMAT:PATH",
      .help = "QEMU gets this image as a set of open files. ACCESS is r or rw;\n"
              "do not start if a FORMAT with `,guessed` is not the image's"},
     add_parsed<&HelperOptions::files, parse_drive_file>},
    {{.name = helper_option::kBackingFile,
      .value = "SET:DRIVE:FORMAT:PATH",
      .help = "What the image before is a layer on"},
     add_parsed<&HelperOptions::files, parse_backing_file>},
    {{.name = helper_option::kBackingLayer,
      .value = "SET:DRIVE:FORMAT:PATH",
      .help = "What that is a layer on"},
     add_parsed<&HelperOptions::files, parse_backing_layer>},
    {{.name = helper_option::kMounted,
      .value = "PATH",
      .help = "Do not start if something else is mounted there than\n"
              "qemunit-open has found"},
     add_text<&HelperOptions::mounted>},
    {{.name = helper_option::kSized,
      .value = "BYTES:FORMAT:PATH",
      .help = "Say so if the image has another size"},
     add_parsed<&HelperOptions::sized, parse_sized>},
    {{.name = helper_option::kNeeds,
      .value = "UNIT,SOCKET",
      .help = "Do not start without this socket of a unit that serves QEMU"},
     add_parsed<&HelperOptions::needs, parse_need>},
    {{.name = helper_option::kStop,
      .value = "MODE",
      .help = "What SIGWINCH means: poweroff, hibernate or quit"},
     set_parsed<&HelperOptions::stop, parse_stop_mode>},
    {{.name = helper_option::kStopTimeout, .value = "SECONDS", .help = "How long that may take"},
     set_parsed<&HelperOptions::stop_timeout_usec, parse_seconds>},
    {{.name = helper_option::kNotSaved,
      .value = "WHY",
      .help = "The machine's state would be of no use at the next start: refuse\n"
              "to hibernate when asked to"},
     set_text<&HelperOptions::not_saved>},
    {{.name = helper_option::kOptionalDevice,
      .value = "NAME",
      .help = "A USB device of the host that may be missing"},
     add_parsed<&HelperOptions::optional_devices, parse_optional_device>},
    {{.name = helper_option::kIdleTimeout,
      .value = "SECONDS",
      .help = "Stop when nobody has used the VM for so long"},
     set_parsed<&HelperOptions::idle_timeout_usec, parse_seconds>},
    {kHelpOption, set_to<&HelperOptions::mode, HelperOptions::Mode::help>, true},
    {kVersionOption, set_to<&HelperOptions::mode, HelperOptions::Mode::version>, true},
};

}  // namespace

std::string helper_help() {
    return options_help(
        R"(qemunit-helper --vm=NAME [OPTION]... QEMU [ARGUMENT...]

Runs QEMU with the listening sockets that systemd passes, and beside it a companion that
reports when the VM is up and relays its serial ports. The generated ExecStart= of
qemu@NAME.service runs this; it is of no use in a shell.

)",
        kHelperOptions, "\nSee qemunit-helper(8).\n");
}

Result<HelperOptions> parse_helper_options(const std::vector<std::string> &arguments) {
    HelperOptions options;
    auto command = take_options(kHelperOptions, arguments, Operands::behind_options, options);
    if (!command)
        return std::unexpected(command.error());
    if (options.mode != HelperOptions::Mode::run)
        return options;
    if (!is_vm_name(options.vm))
        return fail(EINVAL, fmt::format("--vm='{}' is not the name of a VM", options.vm));
    options.qemu = std::move(*command);
    if (options.qemu.empty() || !options.qemu.front().starts_with('/'))
        return fail(EINVAL, "no QEMU program given, by its absolute path");
    return options;
}

}  // namespace qemunit::helper
