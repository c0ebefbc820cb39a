// SPDX-License-Identifier: MIT
#include "ctl/view/viewer.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdlib>
#include <string_view>

namespace qemunit::ctl {

namespace {

using Protocol = ScreenSocket::Protocol;

bool is_set(const char *variable) {
    const char *value = getenv(variable);
    return value && *value;
}

std::string in_path(std::string_view program) {
    const char *path = getenv("PATH");
    std::string_view folders = path ? path : "/usr/local/bin:/usr/bin:/bin";
    while (!folders.empty()) {
        const std::size_t end = std::min(folders.find(':'), folders.size());
        const std::string candidate = fmt::format("{}/{}", folders.substr(0, end), program);
        if (end > 0 && access(candidate.c_str(), X_OK) == 0)
            return candidate;
        folders.remove_prefix(std::min(end + 1, folders.size()));
    }
    return {};
}

}  // namespace

Result<Viewer> find_viewer(const ScreenSocket &screen) {
    if (!is_set("DISPLAY") && !is_set("WAYLAND_DISPLAY"))
        return fail(
            ENOTTY,
            fmt::format("there is no graphical session here to open a window in: neither DISPLAY "
                        "nor WAYLAND_DISPLAY is set. Over ssh, log in with: ssh -X HOST; or, "
                        "where the window shall be: ssh -L 5900:{} root@HOST, and then: "
                        "remote-viewer {}://127.0.0.1:5900",
                        screen.path, screen.protocol == Protocol::vnc ? "vnc" : "spice"));
    // It takes the path of a socket for SPICE only.
    if (std::string program = in_path("remote-viewer"); !program.empty())
        return Viewer{std::move(program), screen.protocol == Protocol::spice};
    if (screen.protocol == Protocol::spice)
        return fail(
            ENOENT,
            "there is no program that shows SPICE: remote-viewer was not found; it is in the "
            "package virt-viewer");
    // Those of TigerVNC.
    for (const char *name : {"xtigervncviewer", "vncviewer"})
        if (std::string program = in_path(name); !program.empty())
            return Viewer{std::move(program), true};
    return fail(
        ENOENT,
        "there is no program that shows VNC: neither remote-viewer (package virt-viewer) nor "
        "vncviewer (package tigervnc-viewer) was found");
}

std::vector<std::string> viewer_command(const Viewer &viewer, const ScreenSocket &screen,
                                        const std::string &vm, const std::string &place) {
    if (screen.protocol == Protocol::spice)
        return {viewer.program, "--title=" + vm, "spice+unix://" + place};
    if (viewer.takes_path)
        return {viewer.program, place};
    return {viewer.program, "--title=" + vm, "vnc://127.0.0.1:" + place};
}

}  // namespace qemunit::ctl
