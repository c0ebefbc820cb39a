// SPDX-License-Identifier: MIT
#include "helper/open/open.h"

#include <fcntl.h>
#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "common/files/named_file.h"
#include "common/files/trusted_path.h"
#include "common/helper_options.h"
#include "common/host_device/places.h"
#include "common/host_device/usb_node.h"
#include "common/options.h"
#include "common/vm_name.h"
#include "helper/handover/descriptor_store.h"

namespace qemunit::helper {

namespace {

constexpr int kStoreSeconds = 20;

Result<std::string> parse_usb_device_name(std::string_view text) {
    if (!is_device_name(text))
        return fail(EINVAL, fmt::format("'{}' is not the name of a device", text));
    return std::string(text);
}

constexpr Option<OpenOptions> kOpenOptions[] = {
    {{.name = helper_option::kVm, .value = "NAME", .help = "The VM's name"},
     set_text<&OpenOptions::vm>},
    {{.name = helper_option::kOwner,
      .value = "USER",
      .help = "With whose rights a file is opened, where others than root can\n"
              "put it there"},
     set_text<&OpenOptions::user>},
    {{.name = helper_option::kDriveFile,
      .value = "SET:DRIVE:ACCESS:FORMAT:PATH",
      .help = "An image; ACCESS is r or rw"},
     add_parsed<&OpenOptions::files, parse_drive_file>},
    {{.name = helper_option::kBackingFile,
      .value = "SET:DRIVE:FORMAT:PATH",
      .help = "What the image before is a layer on"},
     add_parsed<&OpenOptions::files, parse_backing_file>},
    {{.name = helper_option::kBackingLayer,
      .value = "SET:DRIVE:FORMAT:PATH",
      .help = "What that is a layer on"},
     add_parsed<&OpenOptions::files, parse_backing_layer>},
    {{.name = helper_option::kMounted,
      .value = "PATH",
      .help = "A file or folder that systemd mounts for QEMU; it is found, not\n"
              "opened"},
     add_text<&OpenOptions::mounted>},
    {{.name = helper_option::kTap,
      .value = "NETWORK:INTERFACE",
      .help = "A tap interface of the host"},
     add_parsed<&OpenOptions::taps, parse_tap>},
    {{.name = helper_option::kUsbDevice,
      .value = "NAME",
      .help = "A USB device of the host that the VM has been given"},
     add_parsed<&OpenOptions::usb_devices, parse_usb_device_name>},
    {{.name = helper_option::kOptionalDevice,
      .value = "NAME",
      .help = "The same, of one that may be missing"},
     add_parsed<&OpenOptions::optional_devices, parse_usb_device_name>},
    {kHelpOption, set_to<&OpenOptions::mode, OpenOptions::Mode::help>, true},
    {kVersionOption, set_to<&OpenOptions::mode, OpenOptions::Mode::version>, true},
};

Result<> open_usb_device(const std::string &vm, const std::string &device, bool may_be_missing) {
    const std::string name = stored_usb_name(device);
    if (auto removed = remove_stored(name); !removed)
        return removed;
    const auto opened = open_usb_node("", vm, device);
    if (opened)
        return store_descriptor(name, opened->get());
    if (may_be_missing && (opened.error().code == ENOENT || opened.error().code == ENODEV))
        return {};
    // As the helper says it of other parts.
    const std::string unit = hostdev_unit(vm, device);
    return fail(opened.error().code,
                opened.error().code == ENOENT
                    ? fmt::format("{0}, which the VM needs, is not up; `systemctl status {0}` says "
                                  "why.",
                                  unit)
                    : fmt::format("[HostDevice {}]: {}", device, opened.error().message));
}

std::string advice(const OpenOptions &options, const DriveFile &file, int code) {
    if (code == EROFS)
        return fmt::format(
            "It is on a file system that cannot be written: write ReadOnly=yes or "
            "Ephemeral=yes in [Drive {}].",
            file.drive);
    if (code != EACCES && code != EPERM)
        return "";
    if (options.user.empty())
        return "root itself may not: on a network file system, its server may take root for nobody "
               "(root squash). Name a user who may with User= in [VM], or allow it on the server.";
    return fmt::format(
        "It is opened as user '{}' where others than root can put it there: allow "
        "it to this user, or choose another one with User= in [VM].",
        options.user);
}

// QEMU's own words for what a system call says; what we refuse has a sentence of its own.
Error why_not(const OpenOptions &options, const DriveFile &file, const Error &error) {
    constexpr int kOfTheSystem[] = {EACCES, EROFS, ENOTDIR, ENXIO, ENODEV, EIO, ETXTBSY};
    if (std::ranges::find(kOfTheSystem, error.code) != std::end(kOfTheSystem))
        return not_opened(file, error.code, advice(options, file, error.code));
    return Error{error.code, fmt::format("{}: {}", key_of(file), error.message)};
}

// As an image is, but not opened: with O_PATH.
Result<UniqueFd> find_mounted(const std::string &path, const std::optional<Account> &user) {
    if (user)
        return open_for(*user, path, O_PATH);
    auto found = find_path(path);
    if (!found)
        return std::unexpected(found.error());
    return std::move(found->fd);
}

// For qemunit-helper, which sees what PID 1 has mounted meanwhile.
Result<> find_all_mounted(const OpenOptions &options, const std::optional<Account> &user) {
    for (std::size_t i = 0; i < options.mounted.size(); ++i) {
        const std::string name = stored_mount_name(i);
        if (auto removed = remove_stored(name); !removed)
            return removed;
        const auto found = find_mounted(options.mounted[i], user);
        // PID 1 mounts nothing then, and QEMU complains in its own words.
        if (!found && found.error().code == ENOENT)
            continue;
        if (!found)
            return std::unexpected(found.error());
        if (auto stored = store_descriptor(name, found->get()); !stored)
            return stored;
    }
    return {};
}

Result<> open_all(const OpenOptions &options) {
    std::optional<Account> user;
    if (!options.user.empty()) {
        auto found = find_account(options.user);
        if (!found)
            return std::unexpected(found.error());
        user = std::move(*found);
    }
    for (const DriveFile &file : options.files) {
        // One of an earlier start that came to nothing, with Restart=, may still be kept.
        if (auto removed = remove_stored(stored_name(file)); !removed)
            return removed;
        const auto opened = open_named_file(file.path, file.write, user);
        // qemunit-helper looks in the unit's own file systems, where a line of [Service] may have
        // put one (BindPaths=), and says so if there is none either.
        if (!opened && opened.error().code == ENOENT)
            continue;
        if (!opened)
            return std::unexpected(why_not(options, file, opened.error()));
        if (auto stored = store_descriptor(stored_name(file), opened->get()); !stored)
            return stored;
    }
    if (auto found = find_all_mounted(options, user); !found)
        return found;
    for (const Tap &tap : options.taps) {
        const std::string name = stored_tap_name(tap.network);
        if (auto removed = remove_stored(name); !removed)
            return removed;
        const auto opened = open_tap(tap);
        if (!opened)
            return std::unexpected(opened.error());
        if (auto stored = store_descriptor(name, opened->get()); !stored)
            return stored;
    }
    for (const std::string &device : options.usb_devices)
        if (auto opened = open_usb_device(options.vm, device, false); !opened)
            return opened;
    for (const std::string &device : options.optional_devices)
        if (auto opened = open_usb_device(options.vm, device, true); !opened)
            return opened;
    return wait_for_store(kStoreSeconds);
}

}  // namespace

std::string open_help() {
    return options_help(
        R"(qemunit-open --vm=NAME [--drive-file=SET:DRIVE:ACCESS:FORMAT:PATH]... [--mounted=PATH]... [--tap=NETWORK:INTERFACE]...
             [--usb-device=NAME]... [--optional-device=NAME]...

Opens the images, the tap interfaces and the USB devices of a VM, for systemd to hand them to qemunit-helper. Run as root by
qemu@NAME.service; it is of no use in a shell.

)",
        kOpenOptions, "\nSee qemunit.ini(5).\n");
}

Result<OpenOptions> parse_open_options(const std::vector<std::string> &arguments) {
    OpenOptions options;
    const auto rest = take_options(kOpenOptions, arguments, Operands::anywhere, options);
    if (!rest)
        return std::unexpected(rest.error());
    if (options.mode != OpenOptions::Mode::open)
        return options;
    if (!is_vm_name(options.vm))
        return fail(EINVAL, fmt::format("--vm='{}' is not the name of a VM", options.vm));
    if (!rest->empty() ||
        (options.files.empty() && options.taps.empty() && options.mounted.empty() &&
         options.usb_devices.empty() && options.optional_devices.empty()))
        return fail(EINVAL,
                    "files of drives, mounts, taps or USB devices are needed, and nothing else; "
                    "see --help");
    return options;
}

Result<> open_and_store(const OpenOptions &options) {
    auto opened = open_all(options);
    if (!opened)
        for (const DriveFile &file : options.files)
            (void)remove_stored(stored_name(file));  // systemd forgets them with the unit's end
    if (!opened)
        for (const Tap &tap : options.taps)
            (void)remove_stored(stored_tap_name(tap.network));
    if (!opened)
        for (const auto *devices : {&options.usb_devices, &options.optional_devices})
            for (const std::string &device : *devices)
                (void)remove_stored(stored_usb_name(device));
    if (!opened)
        for (std::size_t i = 0; i < options.mounted.size(); ++i)
            (void)remove_stored(stored_mount_name(i));
    return opened;
}

}  // namespace qemunit::helper
