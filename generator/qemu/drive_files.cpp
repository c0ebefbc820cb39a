// SPDX-License-Identifier: MIT
#include "generator/qemu/drive_files.h"

#include "generator/vm/defaults.h"
#include "generator/vm/text.h"

namespace qemunit::generator {

std::vector<DriveFile> drive_files(const Vm &vm) {
    std::vector<DriveFile> files;
    const std::string state = vm.paths.state_dir(vm.name);
    const auto add = [&](DriveFile file) {
        file.set = static_cast<unsigned>(files.size() + 1);
        file.is_opened_by_root = !vm.paths.is_of_user() && !is_below(file.path, state);
        files.push_back(std::move(file));
    };
    for (const Drive &drive : vm.drives) {
        if (!drive.file)
            continue;
        add({.drive = &drive,
             .write = !drive.read_only && !drive.ephemeral && drive.media == DriveMedia::disk,
             .path = absolute_path(vm, *drive.file),
             .format = format_of(drive),
             .format_is_guessed = !drive.format});
        if (drive.backing_file)
            add({.drive = &drive,
                 .layer = 1,
                 .path = absolute_path(vm, *drive.backing_file),
                 .format = backing_format_of(drive),
                 .format_is_guessed = !drive.backing_format});
        for (std::size_t i = 0; i < drive.backing_layers.size(); ++i)
            add({.drive = &drive,
                 .layer = static_cast<unsigned>(i) + 2,
                 .path = absolute_path(vm, drive.backing_layers[i]),
                 .format = format_of(drive.backing_layers[i]),
                 .format_is_guessed = true});
    }
    return files;
}

unsigned fd_set_of(const Vm &vm, const Drive &drive) {
    unsigned set = 1;
    for (const Drive &other : vm.drives) {
        if (&other == &drive)
            break;
        if (other.file)
            set += 1 + (other.backing_file ? 1 : 0) +
                   static_cast<unsigned>(other.backing_layers.size());
    }
    return set;
}

std::string_view key_of_layer(unsigned layer) {
    return layer == 0 ? "File" : layer == 1 ? "BackingFile" : "BackingLayer";
}

// The last line of [Service] wins, as it does for systemd.
std::string named_user(const Vm &vm) {
    std::string user = vm.user ? vm.user->text : "";
    for (const UnitLine &line : vm.service_lines)
        if (line.key == "User")
            user = line.value;
    return user;
}

}  // namespace qemunit::generator
