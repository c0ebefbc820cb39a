// SPDX-License-Identifier: MIT
#include "helper/events/status_text.h"

namespace qemunit::helper {

namespace {

std::string end_text(const std::string &reason, int exit_status) {
    if (reason == "guest-shutdown")
        return exit_status == 0
                   ? "Ended: the guest powered off"
                   : "Ended: the guest powered off with exit status " + std::to_string(exit_status);
    if (reason == "guest-reset")
        return "Ended: the guest reset the machine";
    if (reason == "guest-panic")
        return "Ended: the guest panicked";
    if (reason == "host-signal")
        return "Ended: stopped by a signal";
    if (reason == "host-qmp-quit")
        return "Ended: quit by a monitor command";
    return "Ended: " + (reason.empty() ? "for no reason that QEMU gave" : reason);
}

}  // namespace

std::string status_text(const QmpEvent &event, int exit_status) {
    if (event.name == "STOP")
        return "Paused";
    if (event.name == "RESUME")
        return "Running";
    if (event.name == "SUSPEND")
        return "Suspended by the guest";
    if (event.name == "WAKEUP")
        return "Running";
    if (event.name == "POWERDOWN")
        return "Power button pressed, waiting for the guest";
    if (event.name == "GUEST_PANICKED")
        return "The guest panicked";
    if (event.name == "SHUTDOWN") {
        auto reason = event.data.find("reason");
        return end_text(reason != event.data.end() && reason->is_string()
                            ? reason->get<std::string>()
                            : std::string(),
                        exit_status);
    }
    return {};
}

std::string status_text_of_state(std::string_view state) {
    QmpEvent event;
    if (state == "paused")
        event.name = "STOP";
    else if (state == "suspended")
        event.name = "SUSPEND";
    else if (state == "guest-panicked")
        event.name = "GUEST_PANICKED";
    return status_text(event);
}

}  // namespace qemunit::helper
