// SPDX-License-Identifier: MIT
//
// A viewer whose connections QEMU gets handed over by the bus: for who may use the VM's monitor,
// and cannot open its socket, which is root's; and for viewers that know no such sockets. Only the
// user's own processes get in. Ends with the viewer.
#pragma once

#include <systemd/sd-bus.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "common/event_ptr.h"
#include "common/fd_watch.h"
#include "common/result.h"
#include "common/unique_fd.h"
#include "ctl/view/screen_socket.h"
#include "ctl/view/viewer.h"

namespace qemunit::ctl {

class ViewSession {
  public:
    // `bus` outlives it. Listens; the viewer is not started yet.
    static Result<std::unique_ptr<ViewSession>> open(sd_bus *bus, std::string vm,
                                                     ScreenSocket screen, Viewer viewer);
    ~ViewSession();
    ViewSession(const ViewSession &) = delete;
    ViewSession &operator=(const ViewSession &) = delete;

    // Runs the viewer, and returns its exit code.
    Result<int> run();

  private:
    ViewSession(sd_bus *bus, std::string vm, ScreenSocket screen, Viewer viewer)
        : bus_(bus), vm_(std::move(vm)), screen_(std::move(screen)), viewer_(std::move(viewer)) {}
    Result<> listen_on_path();
    Result<> listen_on_port();
    Result<> start_viewer();
    void accept_one();
    Result<> hand_over(int fd);
    void take_end();
    void end_viewer();

    sd_bus *bus_;
    std::string vm_;
    ScreenSocket screen_;
    Viewer viewer_;
    EventPtr event_;
    UniqueFd listener_;
    std::string folder_;  // of the socket
    std::string place_;   // its path, or the port
    uint16_t port_ = 0;
    pid_t pid_ = -1;
    UniqueFd process_;  // pidfd_open(2)
    FdWatch listener_watch_, process_watch_;
    std::optional<Error> failure_;
    int exit_code_ = 0;
    unsigned connections_ = 0;
};

// The same where the socket can be opened: the viewer alone. Returns its exit code.
Result<int> run_viewer(const std::vector<std::string> &command);

}  // namespace qemunit::ctl
