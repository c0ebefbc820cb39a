// SPDX-License-Identifier: MIT
#include "ctl/new/report.h"

#include <fmt/format.h>

#include "common/files/disk_image.h"

namespace qemunit::ctl {

namespace {

std::string disk_text(const NewVm &vm) {
    const uint64_t size = vm.size != 0 ? vm.size : vm.image.size;
    const std::string much = size != 0 ? ", " + disk_size_text(size) : "";
    switch (vm.disk) {
        case NewVm::Disk::copy:
            return fmt::format("{}{}, a copy of {}", disk_file(vm), much, vm.image.path);
        case NewVm::Disk::install:
            return fmt::format("{}{}, blank, made at the first start; the CD is {}", disk_file(vm),
                               much, vm.image.path);
        case NewVm::Disk::layer:
            break;
    }
    std::string text = fmt::format(
        "{}{}, made at the first start as a layer on {} ({}), which has to stay there "
        "as it is",
        disk_file(vm), much, vm.image.path, vm.image.format);
    for (const std::string &layer : vm.image.layers)
        text += fmt::format("\n         that is a layer on {}", layer);
    return text;
}

}  // namespace

std::string report_text(const NewVm &vm, const std::string &ini_path) {
    std::string text = fmt::format("Made {}: {}\n", vm.name, ini_path);
    text += fmt::format("machine  {} of memory, {} CPU{}{}\n", vm.memory, vm.cpus,
                        vm.cpus == "1" ? "" : "s", vm.firmware.empty() ? "" : ", " + vm.firmware);
    text += fmt::format("disk     {}\n", disk_text(vm));
    text += vm.bridge.empty()
                ? fmt::format("network  port {} of 127.0.0.1 leads to the guest's port 22\n",
                              vm.ssh_port)
                : fmt::format("network  bridge {}\n", vm.bridge);
    if (vm.disk == NewVm::Disk::install)
        return text + "screen   VNC, see the screen's recipe in qemunit-recipes(7)\n";
    return text + fmt::format("login    {}, with {} ssh key{}\n", vm.login, vm.keys.size(),
                              vm.keys.size() == 1 ? "" : "s");
}

std::string next_text(const NewVm &vm, const Paths &paths, bool is_started) {
    const std::string_view systemctl = paths.systemctl();
    const std::string ctl = paths.is_of_user() ? "qemunitctl --user" : "qemunitctl";
    std::string text = "Next:\n";
    if (!is_started)
        text += fmt::format("  {0} daemon-reload && {0} start qemu@{1}\n", systemctl, vm.name);
    if (vm.disk != NewVm::Disk::install)
        text += fmt::format("  {} ssh {}\n", ctl, vm.name);
    text += fmt::format("  {} console {}\n", ctl, vm.name);
    if (is_started || vm.disk == NewVm::Disk::install)
        text += fmt::format("  {} stop qemu@{}\n", systemctl, vm.name);
    return text;
}

}  // namespace qemunit::ctl
