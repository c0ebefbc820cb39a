// SPDX-License-Identifier: MIT
#include "generator/check/image_check.h"

#include <unistd.h>

#include <cerrno>
#include <filesystem>

#include "common/concat.h"
#include "common/files/disk_image.h"
#include "common/files/left_images.h"
#include "generator/vm/defaults.h"

namespace qemunit::generator {

namespace {

void check_drive(const Vm &vm, const Drive &drive, const WarnOfKey &warn) {
    const std::string section = concat("Drive ", drive.name);
    const auto warn_if = [&](std::string_view key, std::string message) {
        if (!message.empty())
            warn(section, key, std::move(message));
    };
    if (drive.backing_file && !drive.backing_format)
        warn_if("BackingFile", wrong_guess(absolute_path(vm, *drive.backing_file),
                                           format_of(*drive.backing_file), "BackingFormat"));
    if (!drive.file)
        return;
    const std::string path = absolute_path(vm, *drive.file);
    if (!drive.format)
        warn_if("File", wrong_guess(path, format_of(drive), "Format"));
    if (drive.backing_file)
        warn_if("BackingFile", wrong_backing(path));
    if (drive.size)
        warn_if("Size", other_size(path, format_of(drive), drive.size->bytes));
    if (drive.is_made_by_us() && access(path.c_str(), F_OK) != 0 && errno == ENOENT)
        warn_if("File", left_image_advice(path, vm.name, vm.paths.config_dirs()));
}

// systemd makes the folder of StateDirectory=, and refuses a link in its place (exec_context's
// setup_exec_directory()). On the way to the folder, systemd does follow links.
void check_state_folder(const Vm &vm, const WarnOfKey &warn) {
    const std::string folder = vm.paths.state_dir(vm.name);
    std::error_code error;
    const auto target = std::filesystem::read_symlink(folder, error);
    if (!error)
        warn("", "",
             concat(folder,
                    " is a link, with which systemd does not start the VM. Make it a folder "
                    "and mount the other one on it, by this line in /etc/fstab: ",
                    target.native(), " ", folder, " none bind 0 0"));
    const std::string all = std::filesystem::path(folder).parent_path();
    if (!vm.user && !vm.paths.is_of_user() && access(Paths::kPrivateStateDirs, F_OK) == 0 &&
        !std::filesystem::equivalent(all, Paths::kPrivateStateDirs, error) && !error)
        warn("", "",
             concat(all,
                    " is another folder than when the first VM was started, and systemd has that "
                    "one: stop all VMs, then run `systemctl restart "
                    "var-lib-private-qemunit_vms.mount`."));
}

}  // namespace

void check_images(const Vm &vm, const WarnOfKey &warn) {
    check_state_folder(vm, warn);
    for (const Drive &drive : vm.drives)
        check_drive(vm, drive, warn);
}

}  // namespace qemunit::generator
