// SPDX-License-Identifier: MIT
#include "ctl/vms/vm_places.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>

#include "common/did_you_mean.h"
#include "common/vm_name.h"
#include "ctl/new/ini_place.h"
#include "ctl/new/state_folder.h"

namespace qemunit::ctl {

namespace {

namespace fs = std::filesystem;

bool is_there(const std::string &path) {
    struct stat info {};
    return lstat(path.c_str(), &info) == 0;
}

std::vector<std::string> names_in(const std::string &folder) {
    std::vector<std::string> names;
    std::error_code error;
    for (fs::directory_iterator entry(folder, error), end; !error && entry != end;
         entry.increment(error))
        names.push_back(entry->path().filename());
    std::ranges::sort(names);
    return names;
}

// Where `systemctl enable`, `edit` and `mask` write.
std::vector<std::string> unit_folders(const Paths &paths) {
    const char *manager = paths.is_of_user() ? "/systemd/user" : "/systemd/system";
    return {paths.config + manager, paths.runtime + manager};
}

void add_units(const std::string &folder, const std::string &vm, std::vector<std::string> &units) {
    for (const std::string &name : names_in(folder)) {
        const std::string path = folder + "/" + name;
        const std::string_view unit(name);
        if (is_unit_of(unit.ends_with(".d") ? unit.substr(0, unit.size() - 2) : unit, vm))
            units.push_back(path);
        else if (unit.ends_with(".wants") || unit.ends_with(".requires") ||
                 unit.ends_with(".upholds"))
            for (const std::string &wanted : names_in(path))
                if (is_unit_of(wanted, vm))
                    units.push_back(path + "/" + wanted);
    }
}

}  // namespace

bool is_unit_of(std::string_view unit, std::string_view vm) {
    constexpr std::string_view kTypes[] = {"service", "socket", "timer", "path", "mount", "target"};
    const std::size_t at = unit.find('@'), dot = unit.rfind('.');
    if (at == unit.npos || dot == unit.npos || dot < at)
        return false;
    const std::string_view instance = unit.substr(at + 1, dot - at - 1);
    return (unit.starts_with("qemu@") || unit.starts_with("qemu-")) &&
           std::ranges::find(kTypes, unit.substr(dot + 1)) != std::end(kTypes) &&
           (instance == vm || (instance.starts_with(vm) && instance[vm.size()] == ':'));
}

VmPlaces find_places(const Paths &paths, const std::string &vm) {
    VmPlaces places;
    for (const std::string &dir : paths.config_dirs()) {
        const std::string ini = dir + "/" + vm + ".ini";
        if (is_there(ini))
            places.inis.push_back(ini);
        if (is_there(ini + ".d"))
            places.drop_in_folders.push_back(ini + ".d");
    }
    for (const std::string &folder : unit_folders(paths))
        add_units(folder, vm, places.units);
    return places;
}

std::vector<std::string> vm_names(const Paths &paths) {
    std::vector<std::string> vms;
    for (const std::string &dir : paths.config_dirs())
        for (const std::string &name : names_in(dir))
            if (name.ends_with(".ini") && is_vm_name(name.substr(0, name.size() - 4)))
                vms.push_back(name.substr(0, name.size() - 4));
    std::ranges::sort(vms);
    const auto rest = std::ranges::unique(vms);
    vms.erase(rest.begin(), rest.end());
    return vms;
}

std::string renaming_file(const std::string &folder, const std::string &from, const std::string &to,
                          std::string_view suffix) {
    return fmt::format("{}/.{}:{}.{}", folder, from, to, suffix);
}

Result<> check_no_renaming(const Paths &paths, const std::string &vm) {
    constexpr std::string_view kSuffix = ".renamed";
    for (const std::string &dir : paths.config_dirs())
        for (const std::string &name : names_in(dir)) {
            const std::size_t colon = name.find(':');
            if (!name.starts_with('.') || !name.ends_with(kSuffix) || colon == name.npos)
                continue;
            const std::string from = name.substr(1, colon - 1),
                              to = name.substr(colon + 1, name.size() - colon - 1 - kSuffix.size());
            if (from == vm || to == vm)
                return fail(ENOENT, fmt::format("the renaming of '{0}' to '{1}' was cut short; "
                                                "finish it first: qemunitctl rename {0} {1}",
                                                from, to));
        }
    return {};
}

Result<> check_new_name(const std::string &vm) {
    if (is_vm_name(vm))
        return {};
    return fail(EINVAL, fmt::format("'{}' is no name for a VM: letters, digits, '_', '.', '-', not "
                                    "more than {}",
                                    vm, kVmNameMax));
}

Result<> check_nothing_is_left(const Paths &paths, const std::string &vm,
                               const std::string &state) {
    if (auto is_free = check_name_is_free(paths, vm); !is_free)
        return is_free;
    if (auto whole = check_no_renaming(paths, vm); !whole)
        return whole;
    if (const VmPlaces left = find_places(paths, vm); !left.drop_in_folders.empty())
        return fail(EEXIST, fmt::format("{} is left of an earlier VM '{}'; remove it first",
                                        left.drop_in_folders.front(), vm));
    if (const std::string in_the_way = left_in(state); !in_the_way.empty())
        return fail(EEXIST, fmt::format("{} is left of an earlier VM '{}'; to delete it: "
                                        "qemunitctl remove {} --with-disks",
                                        in_the_way, vm, vm));
    return {};
}

std::unexpected<Error> fail_no_ini(const Paths &paths, const std::string &vm) {
    if (auto whole = check_no_renaming(paths, vm); !whole)
        return std::unexpected(whole.error());
    const auto known = vm_names(paths);
    const std::vector<std::string_view> names(known.begin(), known.end());
    return fail(ENOENT, fmt::format("there is no {}.ini in {}.{}", vm,
                                    fmt::join(paths.config_dirs(), ", "), did_you_mean(vm, names)));
}

bool is_of_administrator(const Paths &paths, const std::string &path) {
    const auto dirs = paths.config_dirs();
    return path.starts_with(dirs[0] + "/") || path.starts_with(dirs[1] + "/");
}

bool is_masked_ini(const std::string &path) {
    struct stat info {};
    if (stat(path.c_str(), &info) != 0)
        return false;
    return S_ISCHR(info.st_mode) || (S_ISREG(info.st_mode) && info.st_size == 0);
}

std::vector<std::string> ini_and_drop_ins(const Paths &paths, const std::string &vm) {
    std::vector<std::string> files;
    const auto places = find_places(paths, vm);
    if (!places.inis.empty())
        files.push_back(places.inis.front());
    // Sorted by file name over all folders; the folder that comes first wins.
    std::map<std::string, std::string> drop_ins;
    for (const std::string &dir : paths.config_dirs())
        for (const std::string &folder : {dir + "/" + vm + ".ini.d", dir + "/vm.d"})
            for (const std::string &name : names_in(folder))
                if (name.ends_with(".conf"))
                    drop_ins.try_emplace(name, folder + "/" + name);
    for (const auto &[name, path] : drop_ins)
        files.push_back(path);
    return files;
}

Result<> check_rights(const Paths &paths, std::string_view verb) {
    if (paths.is_of_user() || geteuid() == 0)
        return {};
    return fail(EPERM, fmt::format("VMs of the system are root's to change; `qemunitctl --user {}` "
                                   "is for those of your own",
                                   verb));
}

}  // namespace qemunit::ctl
