// SPDX-License-Identifier: MIT
#include "helper/handover/options.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "common/time_units.h"
#include "common/vm_name.h"

namespace qemunit::helper {

const char *const kHelperHelp =
    R"(qemunit-helper --vm=NAME [OPTION]... QEMU [ARGUMENT...]

Runs QEMU with the listening sockets that systemd passes, and beside it a companion that
reports when the VM is up and relays its serial ports. The generated ExecStart= of
qemu@NAME.service runs this; it is of no use in a shell.

     --vm=NAME      The VM's name
     --user         It is run by a user's manager, not by the system's
     --serial=PORT  A serial port; `direct`: QEMU serves PORT.sock itself,
                    `nolog`: its lines do not go to the journal
     --channel=NAME  A channel: QEMU serves NAME.sock itself
     --unplugged=CARD  A network card whose cable is out
     --agent        The channel to the guest agent, with the socket agent.sock
     --ready=serial:REGEX, --ready=agent, --ready=notify:CID
                    The VM has started when the first serial port prints such a
                    line, the guest agent answers, or the guest with this CID
                    says READY=1 by vsock; without, when QEMU answers
     --check-kvm    Leave out `-accel kvm` where KVM does not run guests well
     --uefi-variables=TEMPLATE
                    Copy it to the VM's state directory, unless there is a copy
     --reads=PATH, --writes=PATH
                    Give advice if QEMU may not open it
     --made=PATH    Give advice if it was not made
     --guessed=FORMAT:PATH
                    Do not start if the image says that it is of another format
     --sized=BYTES:FORMAT:PATH
                    Say so if the image has another size
     --layer=PATH   Say so if its backing file is of another format than it says
     --stop=MODE    What SIGWINCH means: poweroff, hibernate or quit
     --stop-timeout=SECONDS
                    How long that may take
     --idle-timeout=SECONDS
                    Stop when nobody has used the VM for so long
  -h --help         Show this help
     --version      Show the version

See qemunit-helper(8).
)";

namespace {

Result<SerialPortOptions> parse_serial(std::string_view text) {
    SerialPortOptions port;
    std::size_t end = std::min(text.find(','), text.size());
    port.name = text.substr(0, end);
    while (end < text.size()) {
        text.remove_prefix(end + 1);
        end = std::min(text.find(','), text.size());
        const std::string_view flag = text.substr(0, end);
        if (flag == "direct")
            port.direct = true;
        else if (flag == "nolog")
            port.log = false;
        else
            return fail(EINVAL, fmt::format("unknown flag '{}' of a serial port", flag));
    }
    if (!is_device_name(port.name))
        return fail(EINVAL, fmt::format("'{}' is not the name of a serial port", port.name));
    return port;
}

Result<StopMode> parse_stop_mode(std::string_view text) {
    if (text == "poweroff")
        return StopMode::poweroff;
    if (text == "hibernate")
        return StopMode::hibernate;
    if (text == "quit")
        return StopMode::quit;
    return fail(EINVAL, fmt::format("'{}' is no way to stop a VM", text));
}

Result<uint64_t> parse_seconds(std::string_view text) {
    unsigned seconds = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
    if (error != std::errc{} || end != text.data() + text.size() || seconds == 0)
        return fail(EINVAL, fmt::format("'{}' is not a number of seconds", text));
    return seconds * kSecond;
}

Result<Awaited> parse_ready(std::string_view text) {
    constexpr std::string_view kSerial = "serial:", kNotify = "notify:";
    if (text == "agent")
        return Awaited{Awaited::Thing::agent, {}};
    if (text.starts_with(kSerial))
        return Awaited{Awaited::Thing::console_line, std::string(text.substr(kSerial.size()))};
    if (text.starts_with(kNotify)) {
        text.remove_prefix(kNotify.size());
        unsigned cid = 0;
        const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), cid);
        if (error != std::errc{} || end != text.data() + text.size())
            return fail(EINVAL, fmt::format("--ready=notify:{}: not the CID of a guest", text));
        return Awaited{Awaited::Thing::notify, {}, cid};
    }
    return fail(EINVAL, fmt::format("--ready={}: nothing that can be waited for", text));
}

// "raw:/path"
Result<GuessedFormat> parse_guessed(std::string_view text) {
    const std::size_t colon = text.find(':');
    if (colon == text.npos || colon == 0 || !text.substr(colon + 1).starts_with('/'))
        return fail(EINVAL, fmt::format("'{}' is not a format and an image", text));
    return GuessedFormat{std::string(text.substr(0, colon)), std::string(text.substr(colon + 1))};
}

// "1048576:raw:/path"
Result<SizedImage> parse_sized(std::string_view text) {
    SizedImage image;
    const std::size_t colon = std::min(text.find(':'), text.size());
    const auto [end, error] = std::from_chars(text.data(), text.data() + colon, image.size);
    if (colon == text.size() || error != std::errc{} || end != text.data() + colon)
        return fail(EINVAL, fmt::format("'{}' is not a size, a format and an image", text));
    auto rest = parse_guessed(text.substr(colon + 1));
    if (!rest)
        return std::unexpected(rest.error());
    image.format = std::move(rest->format);
    image.path = std::move(rest->path);
    return image;
}

}  // namespace

Result<HelperOptions> parse_helper_options(const std::vector<std::string> &arguments) {
    HelperOptions options;
    auto argument = arguments.begin();
    for (; argument != arguments.end() && argument->starts_with('-'); ++argument) {
        const std::size_t equals = std::min(argument->find('='), argument->size());
        const std::string name = argument->substr(0, equals + 1);
        const std::string value = argument->substr(std::min(equals + 1, argument->size()));
        if (name == "--vm=") {
            options.vm = value;
        } else if (name == "--serial=") {
            auto port = parse_serial(value);
            if (!port)
                return std::unexpected(port.error());
            options.serials.push_back(std::move(*port));
        } else if (name == "--channel=") {
            if (!is_device_name(value))
                return fail(EINVAL, fmt::format("'{}' is not the name of a channel", value));
            options.channels.push_back(value);
        } else if (name == "--unplugged=") {
            if (!is_device_name(value))
                return fail(EINVAL, fmt::format("'{}' is not the name of a network card", value));
            options.unplugged.push_back(value);
        } else if (*argument == "--user") {
            options.scope = Scope::user;
        } else if (*argument == "--agent") {
            options.agent = true;
        } else if (name == "--ready=") {
            auto ready = parse_ready(value);
            if (!ready)
                return std::unexpected(ready.error());
            options.ready = std::move(*ready);
        } else if (*argument == "--check-kvm") {
            options.check_kvm = true;
        } else if (name == "--uefi-variables=") {
            options.uefi_variables = value;
        } else if (name == "--reads=") {
            options.reads.push_back(value);
        } else if (name == "--writes=") {
            options.writes.push_back(value);
        } else if (name == "--stop=") {
            const auto mode = parse_stop_mode(value);
            if (!mode)
                return std::unexpected(mode.error());
            options.stop = *mode;
        } else if (name == "--stop-timeout=") {
            const auto usec = parse_seconds(value);
            if (!usec)
                return std::unexpected(usec.error());
            options.stop_timeout_usec = *usec;
        } else if (name == "--idle-timeout=") {
            const auto usec = parse_seconds(value);
            if (!usec)
                return std::unexpected(usec.error());
            options.idle_timeout_usec = *usec;
        } else if (name == "--needs=") {
            const std::size_t comma = value.find(',');
            if (comma == 0 || comma >= value.size() - 1)
                return fail(EINVAL, fmt::format("'{}' is not a unit and its socket", value));
            options.needs.push_back({value.substr(0, comma), value.substr(comma + 1)});
        } else if (name == "--made=") {
            options.made.push_back(value);
        } else if (name == "--layer=") {
            options.layers.push_back(value);
        } else if (name == "--guessed=") {
            auto image = parse_guessed(value);
            if (!image)
                return std::unexpected(image.error());
            options.guessed.push_back(std::move(*image));
        } else if (name == "--sized=") {
            auto image = parse_sized(value);
            if (!image)
                return std::unexpected(image.error());
            options.sized.push_back(std::move(*image));
        } else if (*argument == "--help" || *argument == "-h") {
            options.mode = HelperOptions::Mode::help;
            return options;
        } else if (*argument == "--version") {
            options.mode = HelperOptions::Mode::version;
            return options;
        } else {
            return fail(EINVAL, fmt::format("unknown option '{}'; see --help", *argument));
        }
    }
    if (!is_vm_name(options.vm))
        return fail(EINVAL, fmt::format("--vm='{}' is not the name of a VM", options.vm));
    options.qemu.assign(argument, arguments.end());
    if (options.qemu.empty() || !options.qemu.front().starts_with('/'))
        return fail(EINVAL, "no QEMU program given, by its absolute path");
    return options;
}

}  // namespace qemunit::helper
