// SPDX-License-Identifier: MIT
#include "helper/companion/guest_notices.h"

#include <systemd/sd-daemon.h>

#include <string>
#include <utility>

#include "helper/events/event_text.h"

namespace qemunit::helper {

Result<std::unique_ptr<GuestNotices>> GuestNotices::create(sd_event *event, NotifyListener listener,
                                                           pid_t qemu, Targets targets) {
    std::unique_ptr<GuestNotices> notices(new GuestNotices(qemu, std::move(targets)));
    auto server = NotifyServer::create(
        event, std::move(listener),
        [raw = notices.get()](const NotifyMessage &message) { raw->take(message); });
    if (!server)
        return std::unexpected(server.error());
    notices->server_ = std::move(*server);
    const Handover &before = notices->targets_.handover;
    if (const std::string heard = before.guest_status; !heard.empty())
        notices->targets_.readiness.take_status_of_guest(heard);
    if (before.guest_is_ready)
        notices->targets_.readiness.take_ready_of_guest();
    return notices;
}

void GuestNotices::take(const NotifyMessage &message) {
    Handover &handover = targets_.handover;
    if (message.exit_status)
        take_exit_status(*message.exit_status);
    if (message.ready)
        handover.guest_is_ready = true;
    if (message.status) {
        const std::size_t end =
            message.status->copy(handover.guest_status, sizeof handover.guest_status - 1);
        handover.guest_status[end] = '\0';
    }
    // While the VM is being stopped, the steps of that are the better story.
    if (targets_.is_stopping())
        return;
    if (message.status)
        targets_.readiness.take_status_of_guest(*message.status);
    if (message.ready)
        targets_.readiness.take_ready_of_guest();
}

// QEMU's own exit status tells nothing of the guest's. So the service gets another main process,
// our supervisor, which is systemd's child as QEMU is, and ends with the guest's. systemd hears
// this before it hears of QEMU's end (its sources of events have that order).
void GuestNotices::take_exit_status(int status) {
    if (std::exchange(targets_.handover.exit_status, status) == status)
        return;
    sd_notifyf(0, "MAINPID=%d", status != 0 ? targets_.handover.supervisor : qemu_);
    if (targets_.events)
        targets_.events->take(exit_status_text(status));
}

}  // namespace qemunit::helper
