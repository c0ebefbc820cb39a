// SPDX-License-Identifier: MIT
//
// The files of a VM's drives: which fd set of QEMU's each one becomes, and who opens it. For the
// command line, for the units, and for the checks. No I/O.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "generator/vm/vm.h"

namespace qemunit::generator {

struct DriveFile {
    const Drive *drive = nullptr;
    unsigned set = 0;    // from 1 on, in the order of the ini
    unsigned layer = 0;  // 0: the image; 1: what it is a layer on…
    bool write = false;
    std::string path;
    std::string format;
    bool format_is_guessed = false;
    // By qemunit-open, as root. Otherwise by the helper: what is the VM's own, and all of a user's
    // VM.
    bool is_opened_by_root = false;
};

// Each image before what it is a layer on.
std::vector<DriveFile> drive_files(const Vm &vm);

// Of the drive's image, if it has a medium.
unsigned fd_set_of(const Vm &vm, const Drive &drive);

// The key of the ini that names it.
std::string_view key_of_layer(unsigned layer);

// Whose rights count where others than root can change a path: User= of the ini; "" without.
std::string named_user(const Vm &vm);

}  // namespace qemunit::generator
