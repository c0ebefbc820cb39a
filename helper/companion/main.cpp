// SPDX-License-Identifier: MIT
//
// qemunit-companion: what qemunit-helper runs beside QEMU. A program of its own, since a start of a
// VM waits for the helper, but need not wait until the companion's libraries are loaded.
#include <fmt/format.h>
#include <sys/prctl.h>
#include <sysexits.h>
#include <systemd/sd-daemon.h>

#include <cstdlib>
#include <cstring>

#include "common/concat.h"
#include "common/shared_names.h"
#include "helper/companion/companion.h"
#include "helper/companion/successors.h"
#include "helper/handover/companion_command.h"
#include "helper/handover/system_calls.h"

namespace {

using namespace qemunit;
using namespace qemunit::helper;

// What `ps` and `systemctl status` show: written over the arguments, which lie in one piece.
void set_title(int argc, char **argv, const std::string &title) {
    char *const end = argv[argc - 1] + std::strlen(argv[argc - 1]);
    const auto room = static_cast<std::size_t>(end - argv[0]);
    std::memset(argv[0], 0, room);
    title.copy(argv[0], room);
}

void filter_system_calls() {
    if (auto filtered = filter_companion(); !filtered)
        fmt::print(stderr, "<4>qemunit-companion: {}; the companion goes on without a filter\n",
                   filtered.error().message);
}

// What a start may take at most, in µs: TimeoutStartSec= of the unit.
constexpr uint64_t kStartTimeout = 60'000'000;

// This process was the service's main process until now. It ends only when systemd has heard which
// process follows, so that systemd does not take its end for the service's.
int name_main_process(const char *pid) {
    sd_notifyf(0, "MAINPID=%s", pid);
    if (const int r = sd_notify_barrier(0, kStartTimeout); r < 0) {
        fmt::print(stderr,
                   "<3>qemunit-companion: systemd does not say that it has heard of {}: {}\n", pid,
                   std::strerror(-r));
        return EX_UNAVAILABLE;
    }
    return EXIT_SUCCESS;
}

}  // namespace

int main(int argc, char **argv) {
    if (argc == 2 && std::string_view(argv[1]).starts_with(kMainPid))
        return name_main_process(argv[1] + kMainPid.size());
    auto command = parse_companion_arguments({argv + 1, argv + argc});
    if (!command) {
        fmt::print(stderr, "<3>qemunit-companion: {}\n", command.error().message);
        return EX_USAGE;
    }
    // QEMU is of the same user. What may not be dumped has no memory in /proc that another process
    // of the user can open, and no descriptors there (proc(5), ptrace(2)).
    prctl(PR_SET_DUMPABLE, 0);
    const std::string vm = command->told.vm;
    Successors successors(argv[0], *command);
    // Else the supervisor runs another qemunit-helper, with words that come from nobody but
    // systemd.
    if (!successors.are_possible())
        filter_system_calls();
    set_title(argc, argv, concat(kSupervisorTitle, " of VM ", vm));
    CompanionSetup setup = companion_setup(std::move(*command));
    const auto work = [&](Handover &handover) {
        set_title(argc, argv, "qemunit-helper: companion of VM " + vm);
        if (!successors.are_possible())
            return run_companion(vm, std::move(setup), handover);
        successors.enter(setup, handover);
        filter_system_calls();
        return run_companion(vm, std::move(setup), handover);
    };
    // The images themselves, which shall not outlive their drives: the companion hears when those
    // go. One that takes over has nothing to compare a state with.
    const auto begun = [&] {
        setup.looked_at.clear();
    };
    if (!successors.are_possible())
        return supervise(work, begun);
    return supervise(work, begun, [&](Handover &handover) { successors.serve(handover); });
}
