// SPDX-License-Identifier: MIT
#include "generator/read/search.h"

#include <dirent.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <memory>
#include <set>

#include "common/concat.h"
#include "common/paths.h"
#include "common/vm_name.h"
#include "generator/vm/text.h"

namespace qemunit::generator {

namespace {

constexpr std::string_view kIniSuffix = ".ini";

// The files of one folder whose name has the suffix, sorted. Most folders are missing, so a folder
// that is missing or cannot be read counts as empty.
std::vector<std::string> list(const std::string &folder, std::string_view suffix) {
    struct Closer {
        void operator()(DIR *directory) const { closedir(directory); }
    };
    const std::unique_ptr<DIR, Closer> directory(opendir(folder.c_str()));
    std::vector<std::string> names;
    while (const dirent *entry = directory ? readdir(directory.get()) : nullptr) {
        const std::string_view name = entry->d_name;
        if (name.ends_with(suffix) && !name.starts_with('.'))
            names.emplace_back(name);
    }
    std::ranges::sort(names);
    return names;
}

// Drop-ins sorted by file name over all folders; of two with one name, the one in the first folder
// wins (systemd.unit(5)).
std::vector<std::string> collect_drop_ins(const std::vector<std::string> &folders) {
    std::map<std::string, std::string> by_name;
    for (const std::string &folder : folders)
        for (const std::string &name : list(folder, ".conf"))
            by_name.try_emplace(name, concat(folder, "/", name));
    std::vector<std::string> paths;
    for (auto &[name, path] : by_name)
        if (!is_mask(path))
            paths.push_back(std::move(path));
    return paths;
}

Diagnostic bad_name(const std::string &path, const std::string &name) {
    return {{printable(path), 0},
            Severity::error,
            fmt::format("'{}' is no name for a VM: letters, digits, '_', '.' and '-', a letter or "
                        "digit first, at most {} in all. Rename the file.",
                        printable(shorten(name)), kVmNameMax)};
}

}  // namespace

bool is_mask(const struct stat &info) {
    if (S_ISREG(info.st_mode))
        return info.st_size == 0;
    return S_ISCHR(info.st_mode) && info.st_rdev == makedev(1, 3);  // null(4)
}

bool is_mask(const std::string &path) {
    struct stat info {};
    return stat(path.c_str(), &info) == 0 && is_mask(info);
}

std::vector<VmSource> find_vms(const std::string &root, const Paths &paths,
                               Diagnostics &diagnostics) {
    std::vector<std::string> folders;
    std::set<std::string> existing;  // "vm1.ini.d" and "vm.d": most VMs have none, PID 1 waits
    for (const std::string &dir : paths.config_dirs()) {
        folders.push_back(root + dir);
        for (const std::string &name : list(folders.back(), ".d"))
            existing.insert(concat(folders.back(), "/", name));
    }

    std::map<std::string, VmSource> by_name;
    for (const std::string &folder : folders) {
        for (const std::string &file : list(folder, kIniSuffix)) {
            std::string name = file.substr(0, file.size() - kIniSuffix.size());
            std::string path = concat(folder, "/", file);
            if (is_vm_name(name))
                by_name.try_emplace(name, VmSource{name, std::move(path), {}});
            else
                diagnostics.push_back(bad_name(path, name));
        }
    }
    std::vector<VmSource> sources;
    sources.reserve(by_name.size());
    for (auto &[name, source] : by_name) {
        sources.push_back(std::move(source));
        if (existing.empty())
            continue;
        // A VM's own folders come before vm.d, so that of two drop-ins of one name the one
        // that is for this VM alone wins.
        std::vector<std::string> drop_in_folders;
        for (const std::string &folder : folders)
            drop_in_folders.push_back(folder + "/" + name + ".ini.d");
        for (const std::string &folder : folders)
            drop_in_folders.push_back(folder + "/vm.d");
        std::erase_if(drop_in_folders, [&](const auto &f) { return !existing.contains(f); });
        sources.back().drop_ins = collect_drop_ins(drop_in_folders);
    }
    return sources;
}

VmSource single_file(const std::string &path, Diagnostics &diagnostics) {
    std::string name = std::filesystem::path(path).filename().string();
    if (name.ends_with(kIniSuffix))
        name.resize(name.size() - kIniSuffix.size());
    if (!is_vm_name(name))
        diagnostics.push_back(bad_name(path, name));
    return {name, path, collect_drop_ins({path + ".d"})};
}

}  // namespace qemunit::generator
