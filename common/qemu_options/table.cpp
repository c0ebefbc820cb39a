// SPDX-License-Identifier: MIT
#include "common/qemu_options/table.h"

#include <algorithm>

#include "common/qemu_options/properties.h"

namespace qemunit {

namespace {

constexpr std::string_view kUseDrive = "a section [Drive NAME] says that, and opens the image";
constexpr std::string_view kUseNetwork = "a section [Network NAME] says that";

// clang-format off
constexpr QemuOption kOptions[] = {
    // The machine
    {"machine", true, Fate::key},
    {"M", true, Fate::key},
    {"accel", true, Fate::key, "", "Accelerator= says that, and comes first"},
    {"enable-kvm", false, Fate::key, "", "Accelerator=kvm says that, and comes first"},
    {"no-kvm", false, Fate::key},
    {"cpu", true, Fate::key},
    {"smp", true, Fate::key},
    {"m", true, Fate::key},
    {"mem-path", true, Fate::arguments, "", "", "*", true},
    {"mem-prealloc"},
    {"numa", true},
    {"uuid", true, Fate::key},
    {"name", true, Fate::key},
    {"smbios", true, Fate::arguments, "", "", "file"},
    {"acpitable", true, Fate::arguments, "", "", "file"},
    {"fw_cfg", true, Fate::arguments, "", "", "file"},
    {"global", true},
    {"set", true},
    {"object", true, Fate::arguments, "", "", "filename"},
    {"device", true, Fate::key},
    {"rtc", true, Fate::key},
    {"localtime", false, Fate::key},
    {"startdate", true, Fate::key},
    {"icount", true},
    {"no-acpi"},
    {"no-hpet"},
    {"no-fd-bootchk"},
    {"win2k-hack"},
    {"overcommit", true},
    {"realtime", true},
    {"semihosting"},
    {"semihosting-config", true},
    {"old-param"},
    {"L", true, Fate::arguments, "", "", "*"},
    {"option-rom", true, Fate::arguments, "", "", "*"},
    {"bios", true, Fate::arguments, "", "", "*"},
    {"pflash", true, Fate::key},
    {"prom-env", true},
    {"g", true},
    {"tb-size", true},
    {"singlestep"},
    {"one-insn-per-tb"},
    {"perfmap"},
    {"jitdump"},
    {"plugin", true, Fate::arguments, "", "", "file"},
    {"compat", true},
    {"action", true, Fate::key},
    {"watchdog", true, Fate::key},
    {"watchdog-action", true, Fate::key},
    {"balloon", true, Fate::key},
    // Booting
    {"kernel", true, Fate::key, "", "Kernel= in [Boot] says that, and opens the file"},
    {"initrd", true, Fate::key, "", "Initrd= in [Boot] says that, and opens the file"},
    {"append", true, Fate::key, "", "Append= in [Boot] says that"},
    {"shim", true, Fate::key},
    {"dtb", true, Fate::arguments, "", "DeviceTree= in [Boot] says that, and opens the file", "*"},
    {"boot", true, Fate::key},
    {"loadvm", true, Fate::key, "", "LoadSnapshot= says that"},
    {"incoming", true, Fate::lost, "a VM that moves comes by QEMU's own hands only", "the VM would wait for another QEMU for ever"},
    {"preconfig", false, Fate::lost, "nobody would end it", "the VM would wait for ever"},
    {"only-migratable"},
    // Drives
    {"hda", true, Fate::key, "", kUseDrive}, {"hdb", true, Fate::key, "", kUseDrive},
    {"hdc", true, Fate::key, "", kUseDrive}, {"hdd", true, Fate::key, "", kUseDrive},
    {"cdrom", true, Fate::key, "", kUseDrive},
    {"fda", true, Fate::key, "", kUseDrive}, {"fdb", true, Fate::key, "", kUseDrive},
    {"sd", true, Fate::arguments, "", "Interface=sd in [Drive NAME] says that, and opens the image", "*", true},
    {"mtdblock", true, Fate::arguments, "", "", "*", true},
    {"drive", true, Fate::key, "", "", "file", true},
    {"blockdev", true, Fate::key},
    {"snapshot", false, Fate::key, "", "Ephemeral=yes in [Drive NAME] says that"},
    {"iscsi", true},
    {"hdachs", true},
    // Networks
    {"netdev", true, Fate::key},
    {"nic", true, Fate::key},
    {"net", true, Fate::key},
    {"redir", true, Fate::lost, "no QEMU since 3.1 has it; HostForward= says it"},
    {"tftp", true, Fate::lost, "the user network has no TFTP server"},
    {"bootp", true, Fate::lost, "the user network has no TFTP server"},
    {"smb", true, Fate::lost, "the user network has no SMB server; a [Share NAME] is one way"},
    // Shares
    {"fsdev", true, Fate::key, "", "", "path", true},
    {"virtfs", true, Fate::key, "", "", "path", true},
    {"virtfs_synth"},
    // Ports and monitors
    {"serial", true, Fate::key},
    {"parallel", true, Fate::key},
    {"debugcon", true, Fate::lost, "no key says it"},
    {"chardev", true, Fate::key},
    {"monitor", true, Fate::dropped, "the monitor is monitor.sock", "monitor.sock is there already"},
    {"qmp", true, Fate::dropped, "the monitor is qmp.sock", "qmp.sock is there already"},
    {"qmp-pretty", true, Fate::dropped, "the monitor is qmp.sock", "qmp.sock is there already"},
    {"mon", true, Fate::dropped, "the monitors are monitor.sock and qmp.sock"},
    {"nographic", false, Fate::key, "", "without Display=, a VM has no screen, and its serial port is serial.sock"},
    {"tpmdev", true, Fate::key},
    // Screen, sound, input
    {"display", true, Fate::key},
    {"vnc", true, Fate::key},
    {"spice", true, Fate::key},
    {"sdl", false, Fate::key},
    {"curses", false, Fate::key},
    {"vga", true, Fate::key},
    {"k", true, Fate::key, "", "Keyboard= says that"},
    {"full-screen", false, Fate::dropped, "there is no window"},
    {"alt-grab", false, Fate::dropped, "there is no window"},
    {"ctrl-grab", false, Fate::dropped, "there is no window"},
    {"no-quit", false, Fate::dropped, "there is no window"},
    {"no-frame", false, Fate::dropped, "there is no window"},
    {"portrait"}, {"rotate", true},
    {"audiodev", true, Fate::key}, {"audio", true, Fate::key}, {"soundhw", true, Fate::key},
    {"audio-help"},
    {"usb", false, Fate::key},
    {"usbdevice", true, Fate::key},
    {"show-cursor", false, Fate::dropped, "there is no window"},
    // The process
    {"daemonize", false, Fate::dropped, "systemd runs QEMU in the background", "systemd would take the VM for one that has ended"},
    {"pidfile", true, Fate::dropped, "systemd knows the PID", "systemd knows the PID, and QEMU cannot write there"},
    {"sandbox", true, Fate::dropped, "the unit has a sandbox", "QEMU has a stricter filter of system calls already"},
    {"runas", true, Fate::dropped, "QEMU runs as a user of the VM's own; User= names another", "User= says that; QEMU is not root"},
    {"run-with", true, Fate::dropped, "the unit says who runs QEMU, and where"},
    {"chroot", true, Fate::dropped, "the unit has a root of its own", "QEMU may not do that, and has a root of its own"},
    {"D", true, Fate::dropped, "the log is in the journal", "QEMU cannot write there; without -D the log is in the journal"},
    {"d", true},
    {"dfilter", true},
    {"seed", true},
    {"trace", true},
    {"msg", true, Fate::dropped, "the journal has the time of each line"},
    {"async-teardown"},
    {"nodefaults", false, Fate::dropped, "no VM has devices that its ini does not name"},
    {"no-user-config", false, Fate::dropped, "no VM reads that"},
    {"nodefconfig", false, Fate::dropped, "no VM reads that"},
    {"readconfig", true, Fate::refused, "the file has options of its own, which are not read here; write them on the command line", "QEMU cannot read that file"},
    {"writeconfig", true, Fate::dropped, "that only writes a file"},
    {"add-fd", true, Fate::lost, "the file was open before QEMU started", "nobody opens that file"},
    {"no-reboot"},
    {"no-shutdown", false, Fate::lost, "a VM that has powered off ends", "the VM would not end when its guest powers off"},
    {"S"},
    {"s", false, Fate::key, "", "QEMU has no network to listen in; Debugger=yes is a socket"},
    {"gdb", true, Fate::key},
    {"enable-fips"},
    {"xen-domid", true}, {"xen-attach"}, {"xen-domid-restrict"},
    {"enable-sync-profile"},
    {"dump-vmstate", true, Fate::lost, "that only writes a file"},
    {"h", false, Fate::refused, "that only shows a text"},
    {"help", false, Fate::refused, "that only shows a text"},
    {"version", false, Fate::refused, "that only shows a text"},
};
// clang-format on

std::string_view without_dashes(std::string_view word) {
    word.remove_prefix(word.starts_with("--") ? 2 : word.starts_with('-') ? 1 : 0);
    return word;
}

// "" if the socket, or none, is on the file system.
std::string network_need(std::string_view option, std::string_view value) {
    const auto begins = [&](std::string_view kind) {
        return value.starts_with(kind);
    };
    const bool is_inet = begins("tcp:") || begins("udp:") || begins("telnet:") ||
                         begins("tn3270:") || begins("websocket:");
    if (option == "gdb" && is_inet)
        return "Debugger=yes is a socket";
    if ((option == "serial" || option == "monitor" || option == "qmp" || option == "parallel") &&
        is_inet)
        return "let it be a socket of unix:";
    if (option == "vnc" && !begins("unix:") && !begins("none"))
        return "Display=vnc has a socket, vnc.sock";
    if (option == "spice" && Properties::parse(value).has("port"))
        return "Display=spice has a socket, spice.sock";
    if ((option == "netdev" || option == "nic" || option == "net") && begins("user"))
        return std::string(kUseNetwork);
    if ((option == "netdev" || option == "nic" || option == "net") && begins("socket"))
        return "it needs PrivateNetwork=no";
    if (option == "chardev" && (begins("socket") || begins("udp"))) {
        const Properties properties = Properties::parse(value, "backend");
        if (properties.has("port"))
            return "let it be a socket with path=";
    }
    return "";
}

// What the sandbox withholds beside the network, and the key to write instead. "" if nothing.
std::string_view withheld(std::string_view option, std::string_view value, bool opens_paths) {
    const auto begins = [&](std::string_view kind) {
        return value.starts_with(kind);
    };
    const Properties properties = Properties::parse(value, "first");
    if (option == "object" && properties.has("host-nodes"))
        return "QEMU may not choose the nodes of its memory; NUMAPolicy= and NUMAMask= in "
               "[Service] do that for all of it";
    if (option == "object" && begins("thread-context"))
        return "QEMU may not choose its processors; CPUAffinity= in [Service] does that for all of "
               "it";
    if (option == "overcommit" && is_on(properties.get("mem-lock")))
        return "Locked=yes in [Memory] says that, and lets QEMU do it";
    if (option == "display" && (begins("gtk") || begins("sdl") || begins("spice-app")))
        return "there is no desktop where QEMU runs; Display=vnc and Display=spice have a socket";
    if (option == "audiodev" && !begins("none") && !begins("spice") && !begins("wav") &&
        properties.get("driver") != "none" && properties.get("driver") != "spice")
        return "QEMU has no way to a loudspeaker; [Sound NAME] is heard by who watches the screen";
    if (opens_paths)
        return "";
    if (option == "display" && begins("egl-headless"))
        return "QEMU sees no graphics card of the host";
    if (option == "device" && (begins("usb-host") || begins("vfio-")))
        return "QEMU sees no device of the host; [HostDevice NAME] with PCI= or USB= gives it one, "
               "and USBRedirection= in [Screen] takes USB devices from who watches";
    if (option == "netdev" && begins("tap") && is_on(properties.get("vhost")))
        return "QEMU sees no /dev/vhost-net; Type=tap or Type=bridge in [Network NAME] says the "
               "rest";
    if (option == "netdev" && begins("tap") && properties.has("fd"))
        return "nobody hands QEMU that file; Type=tap in [Network NAME] opens one";
    if (option == "fw_cfg" && properties.has("file"))
        return "FirmwareFile= in [Boot] says that, and opens the file";
    if (option == "bios" && value.find('/') != value.npos)
        return "BIOS= in [Boot] says that, and opens the file";
    return "";
}

}  // namespace

std::span<const QemuOption> qemu_options() {
    return kOptions;
}

const QemuOption *find_qemu_option(std::string_view word) {
    const auto found = std::ranges::find(kOptions, without_dashes(word), &QemuOption::name);
    return found == std::end(kOptions) ? nullptr : &*found;
}

std::vector<std::string> faults_of_arguments(std::span<const std::string> words,
                                             OpenedByService opened) {
    std::vector<std::string> faults;
    for (std::size_t next = 0; next < words.size(); ++next) {
        const std::string &word = words[next];
        const QemuOption *option = word.starts_with('-') ? find_qemu_option(word) : nullptr;
        if (option == nullptr)
            continue;
        const std::string value =
            option->has_value && next + 1 < words.size() ? words[++next] : std::string();
        if (option->name == "s" && opened.network)
            continue;
        if (!option->lint.empty()) {
            faults.push_back(word + ": " + std::string(option->lint) + ".");
        } else if (const std::string_view why = withheld(option->name, value, opened.paths);
                   !why.empty()) {
            faults.push_back(word + " " + value + ": " + std::string(why) + ".");
        } else if (const std::string need = network_need(option->name, value);
                   !need.empty() && !opened.network) {
            faults.push_back(word + " " + value + ": QEMU has no network of the host's; " + need +
                             ", or [Service] opens it with PrivateNetwork=no, "
                             "RestrictAddressFamilies=AF_INET AF_INET6 and IPAddressAllow=any.");
        }
    }
    return faults;
}

}  // namespace qemunit
