// SPDX-License-Identifier: MIT
#include "ctl/verbs.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "common/did_you_mean.h"
#include "ctl/console/console.h"
#include "ctl/monitor/monitor.h"
#include "ctl/verbs/check.h"
#include "ctl/verbs/command_line.h"
#include "ctl/verbs/forwards.h"
#include "ctl/verbs/keyboard.h"
#include "ctl/verbs/list.h"
#include "ctl/verbs/media.h"
#include "ctl/verbs/reload.h"
#include "ctl/verbs/screenshot.h"
#include "ctl/verbs/snapshots.h"
#include "ctl/verbs/status.h"

namespace qemunit::ctl {

namespace {

constexpr std::size_t kMany = 1'000'000;

constexpr Verb kVerbs[] = {
    {"list", "", 0, 0, false, false, false, false, "--json --names",
     "List all VMs: state, uptime, memory, forwards", run_list},
    {"status", "VM...", 1, kMany, true, false, false, false, "",
     "Show all that is known of some VMs", run_status},
    {"console", "VM [PORT]", 1, 2, true, false, true, false, "--read-only --wait",
     "Use a serial port as this terminal", run_console},
    {"monitor", "VM", 1, 1, true, false, false, true, "",
     "Use QEMU's monitor, with history and completion", run_monitor},
    {"cmd", "VM COMMAND...", 2, kMany, true, true, false, true, "",
     "Run one command of QEMU's monitor", run_cmd},
    {"qmp", "VM COMMAND [JSON]", 2, 3, true, true, false, true, "", "Run one command of QMP",
     run_qmp},
    {"snapshot list", "VM", 1, 1, true, false, false, false, "", "List the snapshots of a VM",
     run_snapshot_list},
    {"snapshot save", "VM TAG", 2, 2, true, false, false, true, "",
     "Save the machine's state and its disks", run_snapshot_save},
    {"snapshot load", "VM TAG", 2, 2, true, false, false, true, "",
     "Put machine and disks back to a snapshot", run_snapshot_load},
    {"snapshot delete", "VM TAG", 2, 2, true, false, false, true, "", "Delete a snapshot",
     run_snapshot_delete},
    {"snapshot rotate", "VM COUNT", 2, 2, true, false, false, true, "",
     "Save a snapshot, and keep the last COUNT", run_snapshot_rotate},
    {"forward list", "VM", 1, 1, true, false, false, true, "",
     "List ports of the host that lead to the guest", run_forward_list},
    {"forward add", "VM RULE", 2, 2, true, false, false, true, "",
     "Forward a port until the VM ends", run_forward_add},
    {"forward remove", "VM RULE", 2, 2, true, false, false, true, "",
     "End the forwarding of a port", run_forward_remove},
    {"medium change", "VM DRIVE FILE", 3, 3, true, false, true, true, "",
     "Put another image into a CD drive", run_medium_change},
    {"medium eject", "VM DRIVE", 2, 2, true, false, false, true, "",
     "Take the image out of a CD drive", run_medium_eject},
    {"screenshot", "VM FILE", 2, 2, true, false, true, true, "",
     "Save the screen as PNG (-: to stdout)", run_screenshot},
    {"sendkey", "VM KEYS...", 2, kMany, true, true, false, true, "", "Press keys: ctrl-alt-delete",
     run_sendkey},
    {"type", "VM TEXT...", 2, kMany, true, true, false, true, "", "Type a text on the keyboard",
     run_type},
    {"check", "[VM|FILE...]", 0, kMany, false, false, true, false, "",
     "Check ini files; all, if none is given", run_check},
    {"reload", "VM", 1, 1, true, false, true, true, "",
     "Apply what can be changed while the VM runs", run_reload},
    {"cat", "VM", 1, 1, true, false, false, false, "", "Print QEMU's command line, for a shell",
     run_cat},
};

struct Elsewhere {
    std::string_view word, command;
};

// Other programs' commands for what is no verb of ours; {} is the VM's name.
constexpr Elsewhere kElsewhere[] = {
    {"start", "systemctl start qemu@{}"},
    {"stop", "systemctl stop qemu@{}"},
    {"shutdown", "systemctl stop qemu@{}"},
    {"restart", "systemctl restart qemu@{}"},
    {"reboot", "systemctl restart qemu@{}"},
    {"kill", "systemctl kill qemu@{}"},
    {"enable", "systemctl enable qemu@{}"},
    {"disable", "systemctl disable qemu@{}"},
    {"log", "journalctl -u qemu@{}"},
    {"logs", "journalctl -u qemu@{}"},
    {"pause", "busctl call org.qemunit1 /org/qemunit1/vm/{} org.qemunit1.VM Pause"},
    {"resume", "busctl call org.qemunit1 /org/qemunit1/vm/{} org.qemunit1.VM Resume"},
    {"reset", "busctl call org.qemunit1 /org/qemunit1/vm/{} org.qemunit1.VM Reset"},
    {"poweroff", "busctl call org.qemunit1 /org/qemunit1/vm/{} org.qemunit1.VM PowerOff"},
};

}  // namespace

std::span<const Verb> verbs() {
    return kVerbs;
}

std::string unknown_verb(std::string_view word, std::string_view argument) {
    const std::string_view vm = argument.empty() ? "VM" : argument;
    if (const auto *known = std::ranges::find(kElsewhere, word, &Elsewhere::word);
        known != std::end(kElsewhere))
        return fmt::format("there is no '{}' here; use: {}", word,
                           fmt::format(fmt::runtime(known->command), vm));
    std::vector<std::string_view> names;
    for (const Verb &verb : kVerbs)
        names.push_back(verb.name.substr(0, verb.name.find(' ')));
    const std::string meant = did_you_mean(word, names);
    return fmt::format("unknown command '{}'.{}", word, meant.empty() ? " See --help." : meant);
}

}  // namespace qemunit::ctl
