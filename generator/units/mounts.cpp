// SPDX-License-Identifier: MIT
#include "generator/units/mounts.h"

#include <algorithm>
#include <filesystem>

#include "common/concat.h"
#include "generator/units/unit_text.h"
#include "generator/vm/cloud_init.h"
#include "generator/vm/defaults.h"
#include "generator/vm/text.h"

namespace qemunit::generator {

namespace {

// File systems that systemd or the kernel mounts before anything else starts.
bool is_of_kernel(std::string_view path) {
    constexpr std::string_view kKernelFolders[] = {"/dev", "/proc", "/sys"};
    return std::ranges::any_of(kKernelFolders, [&](std::string_view folder) {
        return path == folder || is_below(path, folder);
    });
}

}  // namespace

std::string required_mounts(const Vm &vm, const std::vector<std::string> &paths,
                            HasStateDirectory has_state) {
    const std::string state = vm.paths.state_dir(vm.name);
    std::vector<std::string_view> seen;
    std::string line;
    for (const std::string &path : paths) {
        const bool is_in_state = has_state == HasStateDirectory::yes && is_below(path, state) &&
                                 path.find('/', state.size() + 1) == path.npos;
        if (is_in_state || is_of_kernel(path) || std::ranges::find(seen, path) != seen.end())
            continue;
        seen.push_back(path);
        line += line.empty() ? "RequiresMountsFor=" : " ";
        append_quoted_path(line, "", path);
    }
    return line.empty() ? line : line + '\n';
}

std::vector<std::string> named_paths(const Vm &vm) {
    std::vector<std::string> paths;
    const auto add = [&](const std::optional<FilePath> &file) {
        if (file)
            paths.push_back(absolute_path(vm, *file));
    };
    if (vm.qemu)
        paths.push_back(vm.qemu->text);
    add(vm.boot.kernel);
    add(vm.boot.initrd);
    add(vm.boot.shim);
    add(vm.boot.device_tree);
    add(vm.boot.bios);
    for (const FirmwareFile &file : vm.boot.firmware_files)
        paths.push_back(absolute_path(vm, file.file));
    for (const Drive &drive : vm.drives) {
        add(drive.file);
        add(drive.backing_file);
        for (const FilePath &layer : drive.backing_layers)
            add(layer);
    }
    for (const Share &share : vm.shares)
        if (share.path)
            paths.push_back(share.path->text);
    for (const Credential &credential : vm.credentials)
        add(credential.file);
    for (const std::string &path : cloud_init_paths(vm))
        paths.push_back(path);
    return paths;
}

std::vector<std::string> image_paths(const Vm &vm) {
    std::vector<std::string> paths;
    for (const Drive &drive : vm.drives) {
        if (!drive.is_made_by_us())
            continue;
        paths.push_back(absolute_path(vm, *drive.file));
        if (drive.backing_file)
            paths.push_back(absolute_path(vm, *drive.backing_file));
    }
    return paths;
}

}  // namespace qemunit::generator
