// SPDX-License-Identifier: MIT
#include "ctl/upgrade/upgrade.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <ctime>

#include "common/vm_name.h"
#include "ctl/upgrade/installed_qemu.h"
#include "ctl/upgrade/saving.h"
#include "ctl/verbs/command_line.h"
#include "ctl/vm/qemu_process.h"
#include "ctl/vm/vm_bus.h"
#include "ctl/vm/vm_status.h"
#include "ctl/vms/vm_units.h"

namespace qemunit::ctl {

namespace {

// The VM's companion and qemunitd give up earlier.
constexpr uint64_t kUpgradeTimeout = 600 * kSecond + kCallTimeout;

// The code of errors of a guest that was saved, and does not run. Of nothing else: what D-Bus says
// is EIO where it has no code of its own.
constexpr int kNotBack = ENOTRECOVERABLE;

double seconds_now() {
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC, &now);
    return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
}

// A machine that the new QEMU does not know any more could not go on there.
// What to ask is the program that systemd would start: the words of the process are QEMU's to
// change.
Result<> check_machine_is_known(sd_bus *bus, const std::string &vm) {
    const auto machine = machine_of(bus, vm);
    if (!machine)
        return std::unexpected(machine.error());
    const auto exec_start = exec_start_of(bus, service_unit(vm));
    if (!exec_start)
        return std::unexpected(exec_start.error());
    const auto command = command_by_hand(*exec_start);
    if (command.empty())
        return fail(ENOENT, fmt::format("it has no ini file without errors any more, and would not "
                                        "start again; see: qemunitctl check {}",
                                        vm));
    const auto installed = installed_qemu(command.front());
    if (!installed)
        return std::unexpected(installed.error());
    if (std::ranges::find(installed->machines, *machine) == installed->machines.end())
        return fail(ENOTSUP,
                    fmt::format("its machine {} is unknown to QEMU {}, which is installed by now; "
                                "the guest has to boot anew there",
                                *machine, installed->version));
    return {};
}

// A start that is asked for has happened, with the saved guest.
Result<> check_has_resumed(sd_bus *bus, const Paths &paths, const std::string &vm) {
    auto message = unit_property(bus, vm, "Service", "StatusText", "s");
    if (!message)
        return std::unexpected(message.error());
    const char *text = nullptr;
    if (int r = sd_bus_message_read(message->get(), "s", &text); r < 0)
        return fail_errno(r, "cannot read its status");
    // One that was paused stands still again.
    if (std::string_view(text).find("resumed") != std::string_view::npos ||
        std::string_view(text).starts_with("Paused"))
        return {};
    return fail(kNotBack, fmt::format("it runs, but the guest did not go on where it was: {}; see: "
                                      "journalctl{} -u qemu@{}",
                                      text, paths.is_of_user() ? " --user" : "", vm));
}

// The guest is not touched before it is known that it can go on.
Result<std::string> hand_over(sd_bus *bus, const std::string &vm) {
    const double began = seconds_now();
    const auto done = call_vm(bus, vm, "Upgrade", {}, kUpgradeTimeout);
    if (!done)
        return fail(
            done.error().code,
            fmt::format("{}; with --through-disk, the guest is saved and goes on in the new "
                        "QEMU, and stands still for some seconds",
                        done.error().message));
    uint64_t stood_still = 0;
    if (int r = sd_bus_message_read(done->get(), "t", &stood_still); r < 0)
        return fail_errno(r, "cannot read how long the guest stood still");
    return fmt::format("goes on in the new QEMU; stood still for {} ms, all took {:.1f} s",
                       (stood_still + 500) / 1000, seconds_now() - began);
}

// Says how long the guest stood still.
Result<std::string> upgrade(sd_bus *bus, const Invocation &invocation, const std::string &vm) {
    const Paths paths = paths_of(invocation);
    const auto pid = main_pid(bus, vm);
    if (!pid)
        return std::unexpected(pid.error());
    if (*pid == 0)
        return fail(ESRCH, "is not running; the next start takes the QEMU that is installed");
    if (!is_program_replaced(*pid))
        return std::string("runs the QEMU that is installed");
    if (auto known = check_machine_is_known(bus, vm); !known)
        return std::unexpected(known.error());
    if (!invocation.has("--through-disk"))
        return hand_over(bus, vm);
    const double began = seconds_now();
    if (auto saved = save_guest(bus, vm); !saved)
        return std::unexpected(saved.error());
    const double saved = seconds_now();
    // A VM that somebody has started meanwhile has the guest, and a restart would shut that down.
    if (auto started = tell_systemd(paths, {"start", service_unit(vm)}); !started)
        return fail(kNotBack,
                    fmt::format("its guest is saved, but the VM does not start: {}; when that "
                                "is mended, `{} start qemu@{}` goes on with the guest",
                                started.error().message, paths.systemctl(), vm));
    if (auto resumed = check_has_resumed(bus, paths, vm); !resumed)
        return std::unexpected(resumed.error());
    return fmt::format("goes on in the new QEMU; saved in {:.1f} s, there again after {:.1f} s",
                       saved - began, seconds_now() - began);
}

// The VMs that are named, or with --all those whose QEMU was replaced.
Result<std::vector<std::string>> wanted(sd_bus *bus, const Invocation &invocation) {
    if (!invocation.has("--all")) {
        if (invocation.arguments.empty())
            return fail(EINVAL, "upgrade takes the names of VMs, or --all");
        return invocation.arguments;
    }
    if (!invocation.arguments.empty())
        return fail(EINVAL, "--all is in place of names");
    auto vms = list_vms(bus);
    if (!vms)
        return std::unexpected(vms.error());
    const auto statuses = query_status(bus, std::move(*vms));
    if (!statuses)
        return std::unexpected(statuses.error());
    std::vector<std::string> names;
    for (const VmStatus &status : *statuses)
        if (has_old_qemu(status, invocation))
            names.push_back(status.vm.name);
    return names;
}

}  // namespace

Result<int> run_hibernate(const Invocation &invocation) {
    auto bus = open_bus(invocation);
    if (!bus)
        return std::unexpected(bus.error());
    int exit_code = 0;
    for (const std::string &vm : invocation.arguments)
        if (const auto saved = save_guest(bus->get(), vm); !saved) {
            fmt::print(stderr, "qemunitctl: {}: {}\n", vm, saved.error().message);
            exit_code = 1;
        }
    return exit_code;
}

// One after the other: each writes its memory to the disk. After one that did not come back, as the
// new QEMU may take none, the others are left alone.
Result<int> run_upgrade(const Invocation &invocation) {
    auto bus = open_bus(invocation);
    if (!bus)
        return std::unexpected(bus.error());
    const auto vms = wanted(bus->get(), invocation);
    if (!vms)
        return std::unexpected(vms.error());
    if (vms->empty())
        fmt::print("Each VM that runs has the QEMU that is installed.\n");
    int exit_code = 0;
    for (const std::string &vm : *vms) {
        const auto done = upgrade(bus->get(), invocation, vm);
        if (done) {
            fmt::print("{}: {}\n", vm, *done);
            std::fflush(stdout);
            continue;
        }
        fmt::print(stderr, "qemunitctl: {}: {}\n", vm, done.error().message);
        exit_code = 1;
        if (done.error().code == kNotBack && vm != vms->back()) {
            fmt::print(stderr, "qemunitctl: the VMs after that one are left as they are\n");
            break;
        }
    }
    return exit_code;
}

}  // namespace qemunit::ctl
