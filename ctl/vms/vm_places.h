// SPDX-License-Identifier: MIT
//
// What of a VM lies where, beside its state directory: ini files, drop-ins, links and drop-ins of
// its units. For `edit`, `remove`, `clone` and `rename`. Looks, and changes nothing.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/paths.h"
#include "common/result.h"

namespace qemunit::ctl {

struct VmPlaces {
    std::vector<std::string> inis;  // the first one counts
    std::vector<std::string> drop_in_folders;
    std::vector<std::string> units;  // links in *.wants/, drop-in folders, instances
};
// Nothing in there if there is no such VM.
VmPlaces find_places(const Paths &paths, const std::string &vm);

// "/etc/qemunit/.vm1:vm2.renaming", of a `rename` that is at work or was cut short: the ini file
// that vm2 will have, and with ".renamed" the one that vm1 had.
std::string renaming_file(const std::string &folder, const std::string &from, const std::string &to,
                          std::string_view suffix);

// An error that says what to do, if a `rename` of the VM, or to its name, was cut short: until that
// is done, what lies in its folder is the other one's.
Result<> check_no_renaming(const Paths &paths, const std::string &vm);

// What a new VM asks before anything is made: that it has a name, and that nothing has that name,
// nor is left of an earlier VM of that name. `state` is the folder that would be its state's.
Result<> check_new_name(const std::string &vm);
Result<> check_nothing_is_left(const Paths &paths, const std::string &vm, const std::string &state);

std::unexpected<Error> fail_no_ini(const Paths &paths, const std::string &vm);

// Whether these tools may change it: not what packages bring.
bool is_of_administrator(const Paths &paths, const std::string &path);
// Empty, or a link to /dev/null.
bool is_masked_ini(const std::string &path);

// "qemu-snapshot@vm1.timer", "qemu-usernet@vm1:lan.service"
bool is_unit_of(std::string_view unit, std::string_view vm);

// The names of all VMs that have an ini file, masked ones too.
std::vector<std::string> vm_names(const Paths &paths);
// The ini file that counts and its drop-ins, in the order in which they count.
std::vector<std::string> ini_and_drop_ins(const Paths &paths, const std::string &vm);

// Only root changes VMs of the system.
Result<> check_rights(const Paths &paths, std::string_view verb);

}  // namespace qemunit::ctl
