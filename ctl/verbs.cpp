// SPDX-License-Identifier: MIT
#include "ctl/verbs.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "common/did_you_mean.h"
#include "ctl/console/console.h"
#include "ctl/monitor/monitor.h"
#include "ctl/new/images.h"
#include "ctl/new/new.h"
#include "ctl/ssh/ssh.h"
#include "ctl/ssh/ssh_proxy.h"
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

constexpr OptionText kListOptions[] = {
    {.name = "--json", .help = "For programs"},
    {.name = "--names", .help = "Only the names"},
};

constexpr OptionText kConsoleOptions[] = {
    {.name = "--read-only", .help = "Follow the log, type nothing"},
    {.name = "--wait", .help = "Wait for the VM, and for its return when it ends"},
};

constexpr OptionText kTimeoutOption{.name = "--timeout",
                                    .value = "TIME",
                                    .wanted = "a time",
                                    .help = "How long to wait for the guest's server, 60s"};
constexpr OptionText kSshPortOption{
    .name = "--port", .value = "PORT", .wanted = "a port", .help = "The server's port, 22"};

// Letters and values of ssh(1).
constexpr OptionText kSshOptions[] = {
    {.letter = 'l',
     .name = "--login",
     .value = "USER",
     .wanted = "a user",
     .help = "The guest's user; by default that of [CloudInit]"},
    {.letter = 'i',
     .name = "--identity",
     .value = "FILE",
     .wanted = "a file",
     .help = "With this private key"},
    {.letter = 'A', .name = "--forward-agent", .help = "Let the guest use your SSH agent"},
    {.letter = 'L',
     .name = "--local-forward",
     .value = "RULE",
     .wanted = "a rule",
     .help = "A port here that leads into the guest"},
    {.letter = 'R',
     .name = "--remote-forward",
     .value = "RULE",
     .wanted = "a rule",
     .help = "A port of the guest that leads here"},
    {.letter = 'D',
     .name = "--dynamic-forward",
     .value = "PORT",
     .wanted = "a port",
     .help = "A SOCKS port here"},
    {.letter = 'N', .name = "--no-command", .help = "Only forward ports"},
    {.letter = 't', .name = "--tty", .help = "A terminal for the command"},
    {.letter = 'v', .name = "--verbose", .help = "Let ssh say what it does"},
    {.letter = 'o',
     .name = "--option",
     .value = "OPTION",
     .wanted = "an option",
     .help = "Of ssh_config(5)"},
    kSshPortOption,
    kTimeoutOption,
};

constexpr OptionText kSshProxyOptions[] = {
    {.name = "--relay", .help = "Bytes, for an ssh without ProxyUseFdpass"},
    kSshPortOption,
    kTimeoutOption,
};

constexpr OptionText kNewOptions[] = {
    {.name = "--install",
     .value = "ISO",
     .value_is_optional = true,
     .help = "A blank disk, and the image as the CD to install from"},
    {.name = "--full-copy", .help = "A copy of the image, not a layer on it"},
    {.name = "--size", .value = "SIZE", .wanted = "a size", .help = "Of the disk: 20G"},
    {.name = "--memory", .value = "SIZE", .wanted = "a size", .help = "2G"},
    {.name = "--cpus", .value = "NUMBER", .wanted = "a number", .help = "How many the guest has"},
    {.name = "--firmware",
     .value = "NAME",
     .wanted = "the name of a firmware",
     .help = "bios, uefi or uefi-secure"},
    {.name = "--bridge",
     .value = "BRIDGE",
     .wanted = "the name of a bridge",
     .help = "A card on this bridge of the host, not a user network"},
    {.name = "--login",
     .value = "NAME",
     .wanted = "the name of a user",
     .help = "The user of the guest that is made at its first boot"},
    {.name = "--ssh-key",
     .value = "FILE",
     .wanted = "a file",
     .help = "The public keys that let in, not those of ~/.ssh/*.pub"},
    {.name = "--sha256",
     .value = "DIGITS",
     .wanted = "a digest",
     .help = "Of the file that a URL leads to"},
    {.name = "--architecture",
     .value = "NAME",
     .wanted = "the name of an architecture",
     .help = "Of image and machine: x86_64, aarch64"},
    {.name = "--start", .help = "Start the VM"},
    {.name = "--dry-run", .help = "Make nothing, print the ini file"},
};

constexpr OptionText kImagesOptions[] = {
    {.name = "--json", .help = "For programs"},
    {.name = "--fetch",
     .value = "IMAGE",
     .wanted = "the name of an image",
     .help = "Download what the catalogue means by it today"},
    {.name = "--architecture",
     .value = "NAME",
     .wanted = "the name of an architecture",
     .help = "Of the image for --fetch="},
};

constexpr Verb kVerbs[] = {
    {.name = "list",
     .options = kListOptions,
     .help = "List all VMs: state, uptime, memory, forwards",
     .run = run_list},
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
    {.name = "images",
     .local = true,
     .options = kImagesOptions,
     .help = "List images to make VMs from",
     .run = run_images},
    {.name = "console",
     .arguments = "VM [PORT]",
     .least = 1,
     .most = 2,
     .of_vm = true,
     .local = true,
     .options = kConsoleOptions,
     .help = "Use a serial port as this terminal",
     .run = run_console},
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
