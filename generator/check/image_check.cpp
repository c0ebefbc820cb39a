// SPDX-License-Identifier: MIT
#include "generator/check/image_check.h"

#include <fcntl.h>
#include <sys/stat.h>
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

bool is_mount_point(const std::string &path) {
    struct statx status {};
    return statx(AT_FDCWD, path.c_str(), AT_SYMLINK_NOFOLLOW, 0, &status) == 0 &&
           (status.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0;
}

// systemd makes the folder of StateDirectory=, and refuses a link in its place (exec_context's
// setup_exec_directory()). On the way to the folder, systemd does follow links.
void check_state_folder(const Vm &vm, const WarnOfKey &warn) {
    const std::string folder = vm.paths.state_dir(vm.name);
    std::error_code error;
    const auto target = std::filesystem::read_symlink(folder, error);
    const bool is_link = !error;
    if (is_link && target == concat("../private/qemunit/", vm.name))
        return;
    const bool is_kept_here = vm.user || vm.paths.is_of_user();
    const std::string kept = is_kept_here ? folder : vm.paths.private_state_dir(vm.name);
    if (is_link)
        warn("", "",
             concat(folder,
                    " is a link, with which systemd does not start the VM. Remove it, and mount "
                    "what it leads to where systemd has the folder, by this line in /etc/fstab: ",
                    target.native(), " ", kept, " none bind 0 0"));
    else if (!is_kept_here && is_mount_point(folder))
        warn("", "",
             concat(folder,
                    " is a mount point, which systemd cannot move to where it has the folders of "
                    "VMs. Mount it there instead, as ",
                    kept, " in /etc/fstab, and remove the empty folder."));
}

}  // namespace

void check_images(const Vm &vm, const WarnOfKey &warn) {
    check_state_folder(vm, warn);
    for (const Drive &drive : vm.drives)
        check_drive(vm, drive, warn);
}

}  // namespace qemunit::generator
