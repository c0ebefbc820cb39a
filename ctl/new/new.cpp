// SPDX-License-Identifier: MIT
#include "ctl/new/new.h"

#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>

#include "common/files/new_file.h"
#include "ctl/new/disk_copy.h"
#include "ctl/new/free_port.h"
#include "ctl/new/image_users.h"
#include "ctl/new/ini_place.h"
#include "ctl/new/new_vm.h"
#include "ctl/new/plan.h"
#include "ctl/new/report.h"
#include "ctl/new/request.h"
#include "ctl/new/state_folder.h"

namespace qemunit::ctl {

namespace {

Result<> choose_port(const Paths &paths, NewVm &vm) {
    if (!vm.bridge.empty())
        return {};
    const auto port = find_free_port(paths);
    if (!port)
        return std::unexpected(port.error());
    vm.ssh_port = *port;
    return {};
}

// A disk of an earlier VM would be taken for this one's.
Result<> check_nothing_is_left(const std::string &folder, const std::string &vm) {
    const std::string left = left_in(folder);
    if (left.empty())
        return {};
    return fail(EEXIST, fmt::format("{} is left of an earlier VM '{}': move or remove what is in "
                                    "{}, or choose another name",
                                    left, vm, folder));
}

// Neither a layer nor a copy of a disk that another VM writes to is good for anything.
Result<> check_image_is_free(const Invocation &invocation, const NewVm &vm) {
    const auto folder = state_folder(invocation, vm.name);
    const std::string writer =
        writer_of(vm.image.path, paths_of(invocation).config_dirs(), folder.value_or(""));
    if (writer.empty() || vm.disk == NewVm::Disk::install)
        return {};
    return fail(EBUSY, fmt::format("{} is the disk of the VM '{}', which writes to it; to make "
                                   "another VM like that one: qemunitctl clone {} {}",
                                   vm.image.path, writer, writer, vm.name));
}

// Returns the ini's path.
Result<std::string> write_under_lock(const Paths &paths, NewVm &vm, NewFile *disk = nullptr,
                                     int folder = -1) {
    const auto lock = lock_new_vms(paths);
    if (!lock)
        return std::unexpected(lock.error());
    if (auto is_free = check_name_is_free(paths, vm.name); !is_free)
        return std::unexpected(is_free.error());
    if (auto chosen = choose_port(paths, vm); !chosen)
        return std::unexpected(chosen.error());
    if (disk)
        if (auto published = disk->publish(); !published)
            return std::unexpected(published.error());
    auto ini = write_ini(paths, vm.name, ini_text(vm));
    if (!ini && disk)
        unlinkat(folder, disk_file(vm).c_str(), 0);
    return ini;
}

Result<std::string> make_vm(const Invocation &invocation, NewVm &vm) {
    const Paths paths = paths_of(invocation);
    const auto folder = state_folder(invocation, vm.name);
    // Of a user whose systemd does not run, nobody knows where it is; a copy has to be there.
    if (!folder && vm.disk == NewVm::Disk::copy)
        return std::unexpected(folder.error());
    if (folder)
        if (auto checked = check_nothing_is_left(*folder, vm.name); !checked)
            return std::unexpected(checked.error());
    // For the generator, which reads it before anything is made; under the lock, it counts.
    if (auto chosen = choose_port(paths, vm); !chosen)
        return std::unexpected(chosen.error());
    if (auto checked = check_ini(paths, vm.name, ini_text(vm)); !checked)
        return std::unexpected(checked.error());
    if (vm.disk != NewVm::Disk::copy)
        return write_under_lock(paths, vm);
    const auto made = StateFolder::make(*folder);
    if (!made)
        return std::unexpected(made.error());
    auto disk = copy_disk(vm.image, vm.size, made->fd(), disk_file(vm));
    if (!disk)
        return std::unexpected(disk.error());
    return write_under_lock(paths, vm, &*disk, made->fd());
}

int run_systemctl(const Paths &paths, std::vector<std::string> words) {
    words.insert(words.begin(), "systemctl");
    if (paths.is_of_user())
        words.insert(words.begin() + 1, "--user");
    std::vector<char *> argv;
    for (std::string &word : words)
        argv.push_back(word.data());
    argv.push_back(nullptr);
    std::fflush(stdout);
    const pid_t child = fork();
    if (child == 0) {
        execvp(argv.front(), argv.data());
        _exit(127);
    }
    int status = -1;
    while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    return child > 0 && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

Result<> start_vm(const Paths &paths, const std::string &vm) {
    if (run_systemctl(paths, {"daemon-reload"}) != 0)
        return fail(EIO, fmt::format("{} is made, but systemd has not read it: {} daemon-reload",
                                     vm, paths.systemctl()));
    if (run_systemctl(paths, {"start", "qemu@" + vm + ".service"}) != 0)
        return fail(EIO, fmt::format("{0} is made, but did not start; this says why: {1} status "
                                     "qemu@{0}",
                                     vm, paths.systemctl()));
    return {};
}

}  // namespace

Result<int> run_new(const Invocation &invocation) {
    const auto request = parse_request(invocation);
    if (!request)
        return std::unexpected(request.error());
    const Paths paths = paths_of(invocation);
    if (auto is_free = check_name_is_free(paths, request->name); !is_free)
        return std::unexpected(is_free.error());
    if (geteuid() != 0 && !paths.is_of_user() && !request->is_dry_run)
        return fail(EPERM,
                    "VMs of the system are root's to make; `qemunitctl --user new` makes one "
                    "of your own");
    const auto source = find_source(invocation, *request);
    if (!source)
        return std::unexpected(source.error());
    auto vm = plan_vm(*request, *source);
    if (!vm)
        return std::unexpected(vm.error());
    if (auto free = check_image_is_free(invocation, *vm); !free)
        return std::unexpected(free.error());
    if (request->is_dry_run) {
        if (auto chosen = choose_port(paths, *vm); !chosen)
            return std::unexpected(chosen.error());
        fmt::print("{}", ini_text(*vm));
        return 0;
    }
    const auto ini = make_vm(invocation, *vm);
    if (!ini)
        return std::unexpected(ini.error());
    fmt::print("{}", report_text(*vm, *ini));
    if (request->starts)
        if (auto started = start_vm(paths, vm->name); !started)
            return std::unexpected(started.error());
    fmt::print("{}", next_text(*vm, paths, request->starts));
    return 0;
}

}  // namespace qemunit::ctl
