// SPDX-License-Identifier: MIT
#include "bus/vms/vm_state.h"

namespace qemunit::bus {

bool is_unit_up(std::string_view active_state, bool has_main_process) {
    if (active_state == "activating")
        return has_main_process;
    return active_state == "active" || active_state == "reloading" ||
           active_state == "refreshing" || active_state == "deactivating";
}

std::string vm_state(std::string_view active_state, std::string_view qmp_status, VmFiles files) {
    // systemd: src/basic/unit-def.c. "maintenance" is `systemctl clean` at work.
    const bool is_off = active_state == "inactive" || active_state == "maintenance";
    // An attempt to start a broken VM has made its unit fail.
    if (files.is_broken && (is_off || active_state == "failed"))
        return "broken";
    if (is_off)
        return files.is_hibernated ? "hibernated" : "off";
    if (active_state == "activating")
        return "starting";
    if (active_state == "deactivating")
        return "stopping";
    if (active_state == "failed")
        return "crashed";
    if (!is_unit_up(active_state, false))
        return std::string(active_state);

    // QEMU: enum RunState in qapi/run-state.json.
    if (qmp_status.empty())
        return "running";
    if (qmp_status == "prelaunch")
        return "paused";
    if (qmp_status == "inmigrate")
        return "starting";
    if (qmp_status == "guest-panicked")
        return "crashed";
    return std::string(qmp_status);
}

}  // namespace qemunit::bus
