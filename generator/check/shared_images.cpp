// SPDX-License-Identifier: MIT
#include "generator/check/shared_images.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include "common/concat.h"
#include "generator/qemu/drive_files.h"
#include "generator/vm/text.h"

namespace qemunit::generator {

namespace {

bool is_same_file(const std::string &one, const std::string &other) {
    struct stat a {
    }, b{};
    if (stat(one.c_str(), &a) != 0 || stat(other.c_str(), &b) != 0)
        return false;
    if (S_ISBLK(a.st_mode) && S_ISBLK(b.st_mode))
        return a.st_rdev == b.st_rdev;
    return a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

std::string_view key_of(const DriveFile &file) {
    return key_of_layer(file.layer);
}

}  // namespace

void check_shared_images(const Vm &vm, const Vm &other, Diagnostics &diagnostics) {
    for (const DriveFile &file : drive_files(vm))
        for (const DriveFile &its : drive_files(other)) {
            if (!(file.write || its.write) || !is_same_file(file.path, its.path))
                continue;
            const std::string section = concat("Drive ", file.drive->name);
            diagnostics.push_back(
                {vm.location(section, key_of(file)), Severity::warning,
                 printable(fmt::format(
                     "{}={}: the VM '{}', which runs, has the same image ({}= in [Drive {}]), and "
                     "{}: stop it, give this VM an image of its own, or have both only read it.",
                     key_of(file), file.path, other.name, key_of(its), its.drive->name,
                     its.write ? "writes it" : "reads it"))});
        }
}

}  // namespace qemunit::generator
