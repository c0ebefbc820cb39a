// SPDX-License-Identifier: MIT
#include "ctl/view/view.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include "common/vm_name.h"
#include "ctl/verbs/command_line.h"
#include "ctl/view/view_session.h"
#include "ctl/vm/vm_bus.h"

namespace qemunit::ctl {

namespace {

// A VM that starts, or whose guest has crashed, has a screen.
Result<> check_state(const std::string &vm, const std::string &state) {
    if (state == "broken")
        return fail(ENOENT, fmt::format("its ini file has errors; see: qemunitctl check {}", vm));
    if (state == "off" || state == "hibernated")
        return fail(ENOENT,
                    fmt::format("is {}; start it with: systemctl start qemu@{}", state, vm));
    return {};
}

bool can_connect(const std::string &path) {
    return faccessat(AT_FDCWD, path.c_str(), R_OK | W_OK, AT_EACCESS) == 0;
}

}  // namespace

Result<int> run_view(const Invocation &invocation) {
    const std::string &vm = invocation.arguments.front();
    if (invocation.bus == Invocation::Bus::remote)
        return fail(
            ENOTSUP,
            fmt::format("the window opens on the machine where the VM runs, and shows here by: "
                        "ssh -X {} qemunitctl view {}",
                        invocation.host, vm));
    auto bus = open_bus(invocation);
    if (!bus)
        return std::unexpected(bus.error());
    const auto state = vm_text(bus->get(), vm, "State");
    if (!state)
        return std::unexpected(state.error());
    if (auto checked = check_state(vm, *state); !checked)
        return std::unexpected(checked.error());
    const auto words = exec_start_of(bus->get(), service_unit(vm));
    if (!words)
        return std::unexpected(words.error());
    const auto screen = screen_socket(*words);
    if (!screen)
        return fail(
            ENOENT,
            fmt::format("has no screen to look at: write Display=spice or Display=vnc into [VM] "
                        "(qemunitctl edit {}), and start it anew. Its console is there by: "
                        "qemunitctl console {}",
                        vm, vm));
    const auto viewer = find_viewer(*screen);
    if (!viewer)
        return std::unexpected(viewer.error());
    if (viewer->takes_path && can_connect(screen->path))
        return run_viewer(viewer_command(*viewer, *screen, vm, screen->path));
    auto session = ViewSession::open(bus->get(), vm, *screen, *viewer);
    if (!session)
        return std::unexpected(session.error());
    return (*session)->run();
}

}  // namespace qemunit::ctl
