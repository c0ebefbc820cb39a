// SPDX-License-Identifier: MIT
//
// What the guest's systemd says of the guest (NotifyServer), and what of the VM that changes: its
// readiness, its status, what it ends with. Part of the companion.
#pragma once

#include <sys/types.h>

#include <functional>
#include <memory>

#include "common/event_ptr.h"
#include "common/result.h"
#include "helper/events/event_log.h"
#include "helper/guest/notify_server.h"
#include "helper/handover/supervision.h"
#include "helper/lifecycle/readiness.h"

namespace qemunit::helper {

class GuestNotices {
  public:
    struct Targets {
        Readiness &readiness;
        EventLog *events;  // or none
        Handover &handover;
        std::function<bool()> is_stopping;
    };

    // What the companion before this one has heard counts from the beginning.
    static Result<std::unique_ptr<GuestNotices>> create(sd_event *event, NotifyListener listener,
                                                        pid_t qemu, Targets targets);
    GuestNotices(const GuestNotices &) = delete;
    GuestNotices &operator=(const GuestNotices &) = delete;

    // The guest goes on in this process.
    void set_process(pid_t qemu) { qemu_ = qemu; }

  private:
    GuestNotices(pid_t qemu, Targets targets) : qemu_(qemu), targets_(std::move(targets)) {}
    void take(const NotifyMessage &message);
    void take_exit_status(int status);

    pid_t qemu_;
    const Targets targets_;
    std::unique_ptr<NotifyServer> server_;
};

}  // namespace qemunit::helper
