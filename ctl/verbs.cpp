// SPDX-License-Identifier: MIT
#include "ctl/verbs.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "common/did_you_mean.h"
#include "ctl/backup/backup.h"
#include "ctl/backup/backup_options.h"
#include "ctl/backup/inspect.h"
#include "ctl/backup/restore.h"
#include "ctl/console/console.h"
#include "ctl/console/console_options.h"
#include "ctl/console/expect.h"
#include "ctl/import/import.h"
#include "ctl/import/import_options.h"
#include "ctl/migrate/migrate.h"
#include "ctl/migrate/migrate_options.h"
#include "ctl/migrate/receive.h"
#include "ctl/monitor/monitor.h"
#include "ctl/new/images.h"
#include "ctl/new/new.h"
#include "ctl/new/new_options.h"
#include "ctl/run/run.h"
#include "ctl/run/run_options.h"
#include "ctl/ssh/ssh.h"
#include "ctl/ssh/ssh_options.h"
#include "ctl/ssh/ssh_proxy.h"
#include "ctl/top/top.h"
#include "ctl/top/top_options.h"
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
#include "ctl/view/view.h"
#include "ctl/vms/clone.h"
#include "ctl/vms/edit.h"
#include "ctl/vms/remove.h"
#include "ctl/vms/rename.h"
#include "ctl/vms/vms_options.h"

namespace qemunit::ctl {

namespace {

constexpr std::size_t kMany = 1'000'000;

constexpr OptionText kListOptions[] = {
    {.name = "--json", .help = "For programs"},
    {.name = "--names", .help = "Only the names"},
    {.name = "--hosts",
     .value = "FILE",
     .wanted = "a file",
     .help = "Of the machines that this file names, a line each"},
};

constexpr Verb kVerbs[] = {
    {.name = "list",
     .many_hosts = true,
     .options = kListOptions,
     .help = "List all VMs: state, uptime, memory, forwards",
     .run = run_list},
    {.name = "top",
     .local = true,
     .options = kTopOptions,
     .help = "Show what VMs use, until you leave",
     .run = run_top},
    {.name = "status",
     .arguments = "VM...",
     .least = 1,
     .most = kMany,
     .of_vm = true,
     .help = "Show all that is known of some VMs",
     .run = run_status},
    {.name = "new",
     .arguments = "NAME [IMAGE]",
     .least = 1,
     .most = 2,
     .local = true,
     .options = kNewOptions,
     .help = "Make a VM from an image",
     .run = run_new},
    {.name = "edit",
     .arguments = "VM",
     .least = 1,
     .most = 1,
     .of_vm = true,
     .local = true,
     .help = "Change the ini file, checked before it counts",
     .run = run_edit},
    {.name = "clone",
     .arguments = "VM NEW",
     .least = 2,
     .most = 2,
     .of_vm = true,
     .local = true,
     .options = kCloneOptions,
     .help = "Make another VM like one that is off",
     .run = run_clone},
    {.name = "rename",
     .arguments = "VM NEW",
     .least = 2,
     .most = 2,
     .of_vm = true,
     .local = true,
     .help = "Give a VM that is off another name",
     .run = run_rename},
    {.name = "remove",
     .arguments = "VM",
     .least = 1,
     .most = 1,
     .of_vm = true,
     .local = true,
     .options = kRemoveOptions,
     .help = "Delete a VM that is off",
     .run = run_remove},
    {.name = "backup",
     .arguments = "VM DIRECTORY|-",
     .least = 2,
     .most = 2,
     .of_vm = true,
     .local = true,
     .options = kBackupOptions,
     .help = "Back up a VM's disks and all of its state",
     .run = run_backup},
    {.name = "backups",
     .arguments = "VM|DIRECTORY",
     .least = 1,
     .most = 1,
     .local = true,
     .options = kBackupsOptions,
     .help = "List the backups of a VM",
     .run = run_backups},
    {.name = "verify",
     .arguments = "DIRECTORY",
     .least = 1,
     .most = 1,
     .local = true,
     .help = "Check that backups are what was written",
     .run = run_verify},
    {.name = "restore",
     .arguments = "DIRECTORY NAME",
     .least = 2,
     .most = 2,
     .local = true,
     .options = kRestoreOptions,
     .help = "Make a VM, or one disk, from a backup",
     .run = run_restore},
    {.name = "images",
     .local = true,
     .options = kImagesOptions,
     .help = "List images to make VMs from",
     .run = run_images},
    {.name = "import",
     .arguments = "[FILE|-- COMMAND...]",
     .most = kMany,
     .local = true,
     .options = kImportOptions,
     .help = "Print the ini file of a VM that others start",
     .run = run_import},
    {.name = "console",
     .arguments = "VM [PORT]",
     .least = 1,
     .most = 2,
     .of_vm = true,
     .local = true,
     .options = kConsoleOptions,
     .help = "Use a serial port as this terminal",
     .run = run_console},
    {.name = "expect",
     .arguments = "VM REGEX",
     .least = 2,
     .most = 2,
     .of_vm = true,
     .local = true,
     .options = kExpectOptions,
     .help = "Wait until a line of a serial port matches",
     .run = run_expect},
    {.name = "ssh",
     .arguments = "VM [COMMAND...]",
     .least = 1,
     .most = kMany,
     .of_vm = true,
     .literal = true,
     .local = true,
     .options = kSshOptions,
     .help = "Log in, or run a command in the guest",
     .run = run_ssh},
    {.name = "proxy",
     .arguments = "VM",
     .least = 1,
     .most = 1,
     .local = true,
     .options = kSshProxyOptions,
     .help = "The connection, for ProxyCommand of ssh",
     .run = run_ssh_proxy},
    {.name = "run",
     .arguments = "COMMAND...",
     .most = kMany,
     .literal = true,
     .local = true,
     .options = kRunOptions,
     .help = "Run a command in a VM of its own",
     .run = run_run},
    {.name = "monitor",
     .arguments = "VM",
     .least = 1,
     .most = 1,
     .of_vm = true,
     .authorized = true,
     .help = "Use QEMU's monitor, with history and completion",
     .run = run_monitor},
    {.name = "cmd",
     .arguments = "VM COMMAND...",
     .least = 2,
     .most = kMany,
     .of_vm = true,
     .literal = true,
     .authorized = true,
     .help = "Run one command of QEMU's monitor",
     .run = run_cmd},
    {.name = "qmp",
     .arguments = "VM COMMAND [JSON]",
     .least = 2,
     .most = 3,
     .of_vm = true,
     .literal = true,
     .authorized = true,
     .help = "Run one command of QMP",
     .run = run_qmp},
    {.name = "snapshot list",
     .arguments = "VM",
     .least = 1,
     .most = 1,
     .of_vm = true,
     .help = "List the snapshots of a VM",
     .run = run_snapshot_list},
    {.name = "snapshot save",
     .arguments = "VM TAG",
     .least = 2,
     .most = 2,
     .of_vm = true,
     .authorized = true,
     .help = "Save the machine's state and its disks",
     .run = run_snapshot_save},
    {.name = "snapshot load",
     .arguments = "VM TAG",
     .least = 2,
     .most = 2,
     .of_vm = true,
     .authorized = true,
     .help = "Put machine and disks back to a snapshot",
     .run = run_snapshot_load},
    {.name = "snapshot delete",
     .arguments = "VM TAG",
     .least = 2,
     .most = 2,
     .of_vm = true,
     .authorized = true,
     .help = "Delete a snapshot",
     .run = run_snapshot_delete},
    {.name = "snapshot rotate",
     .arguments = "VM COUNT",
     .least = 2,
     .most = 2,
     .of_vm = true,
     .authorized = true,
     .help = "Save a snapshot, and keep the last COUNT",
     .run = run_snapshot_rotate},
    {.name = "forward list",
     .arguments = "VM",
     .least = 1,
     .most = 1,
     .of_vm = true,
     .authorized = true,
     .help = "List ports of the host that lead to the guest",
     .run = run_forward_list},
    {.name = "forward add",
     .arguments = "VM RULE",
     .least = 2,
     .most = 2,
     .of_vm = true,
     .authorized = true,
     .help = "Forward a port until the VM ends",
     .run = run_forward_add},
    {.name = "forward remove",
     .arguments = "VM RULE",
     .least = 2,
     .most = 2,
     .of_vm = true,
     .authorized = true,
     .help = "End the forwarding of a port",
     .run = run_forward_remove},
    {.name = "medium change",
     .arguments = "VM DRIVE FILE",
     .least = 3,
     .most = 3,
     .of_vm = true,
     .local = true,
     .authorized = true,
     .help = "Put another image into a CD drive",
     .run = run_medium_change},
    {.name = "medium eject",
     .arguments = "VM DRIVE",
     .least = 2,
     .most = 2,
     .of_vm = true,
     .authorized = true,
     .help = "Take the image out of a CD drive",
     .run = run_medium_eject},
    {.name = "view",
     .arguments = "VM",
     .least = 1,
     .most = 1,
     .of_vm = true,
     .authorized = true,
     .help = "Show the screen in a window",
     .run = run_view},
    {.name = "screenshot",
     .arguments = "VM FILE",
     .least = 2,
     .most = 2,
     .of_vm = true,
     .local = true,
     .authorized = true,
     .help = "Save the screen as PNG (-: to stdout)",
     .run = run_screenshot},
    {.name = "sendkey",
     .arguments = "VM KEYS...",
     .least = 2,
     .most = kMany,
     .of_vm = true,
     .literal = true,
     .authorized = true,
     .help = "Press keys: ctrl-alt-delete",
     .run = run_sendkey},
    {.name = "type",
     .arguments = "VM TEXT...",
     .least = 2,
     .most = kMany,
     .of_vm = true,
     .literal = true,
     .authorized = true,
     .help = "Type a text on the keyboard",
     .run = run_type},
    {.name = "migrate",
     .arguments = "VM HOST",
     .least = 2,
     .most = 2,
     .of_vm = true,
     .local = true,
     .authorized = true,
     .options = kMigrateOptions,
     .help = "Move a VM to another host while it runs",
     .run = run_migrate},
    {.name = "receive",
     .arguments = "VM",
     .least = 1,
     .most = 1,
     .of_vm = true,
     .local = true,
     .options = kReceiveOptions,
     .help = "Take a VM over; `migrate` runs this by ssh",
     .run = run_receive},
    {.name = "check",
     .arguments = "[VM|FILE...]",
     .most = kMany,
     .local = true,
     .help = "Check ini files; all, if none is given",
     .run = run_check},
    {.name = "reload",
     .arguments = "VM",
     .least = 1,
     .most = 1,
     .of_vm = true,
     .local = true,
     .authorized = true,
     .help = "Apply what can be changed while the VM runs",
     .run = run_reload},
    {.name = "cat",
     .arguments = "VM",
     .least = 1,
     .most = 1,
     .of_vm = true,
     .help = "Print QEMU's command line, for a shell",
     .run = run_cat},
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
