// SPDX-License-Identifier: MIT
#include "ctl/run/machine.h"

#include <fmt/format.h>

#include <algorithm>

#include "common/run/protocol.h"

namespace qemunit::ctl {

namespace {

// Those of libslirp, which its DHCP would name: the guest's own with its mask, the way out, and who
// knows names.
constexpr std::string_view kAddresses = "10.0.2.15 255.255.255.0 10.0.2.2 10.0.2.3";

}  // namespace

std::string run_ini(const RunRequest &request, const RunMachine &machine,
                    const std::string &first) {
    std::string ini = first;
    if (!ini.empty() && !ini.ends_with('\n'))
        ini += '\n';
    // A guest that reboots, or panics, has ended.
    ini += fmt::format("[VM]\nMemory={}\nCPUs={}\nStop=quit\nArguments=-no-reboot\n",
                       request.memory, request.cpus);
    if (!request.architecture.empty())
        ini += fmt::format("Architecture={}\n", request.architecture);
    for (const RunFolder &folder : machine.folders)
        // "remap": the folders below have inode numbers of other file systems.
        ini += fmt::format(
            "Arguments=-fsdev local,id={0},path={1}/{2},security_model=none,multidevs=remap{3}\n"
            "Arguments=-device virtio-9p-pci,fsdev={0},mount_tag={0}\n",
            folder.tag, run::kOpenFiles, folder.number, folder.read_only ? ",readonly=on" : "");
    if (machine.debugger >= 0)
        ini += fmt::format(
            "Arguments=-chardev socket,id=run-gdb,fd={},server=on,wait=off\n"
            "Arguments=-gdb chardev:run-gdb\nArguments=-S\n",
            machine.debugger);
    // Without a file for booting from it, which QEMU would read first.
    if (machine.network >= 0)
        ini += fmt::format(
            "Arguments=-netdev stream,id={0},server=off,addr.type=fd,addr.str={1}\n"
            "Arguments=-device virtio-net-pci,netdev={0},romfile=\n",
            kRunNetwork, machine.network);
    // A set of descriptors, which QEMU does not open anew: its user may not.
    if (machine.image >= 0)
        ini += fmt::format(
            "Arguments=-add-fd fd={},set=1\n"
            "Arguments=-drive if=none,id=run-image,file=/dev/fdset/1,format={},readonly=on\n"
            "Arguments=-device virtio-blk-pci,drive=run-image\n",
            machine.image, machine.image_format);
    ini += fmt::format("[Boot]\nKernel={0}/{1}\nInitrd={0}/{2}\n", run::kOpenFiles, machine.kernel,
                       machine.initrd);
    // In front of what the user says, which wins. -1: a panic reboots at once.
    ini += fmt::format("Append=console={} panic=-1 quiet{}\n", machine.console, machine.words);
    if (!request.append.empty())
        ini += fmt::format("Append={}\n", request.append);
    ini += fmt::format("Append=rdinit={}\n", run::kInitPath);
    for (const char *port : {run::kInput, run::kOutput, run::kErrors, run::kEvents, run::kControl})
        ini += fmt::format("[Channel {}]\n", port);
    return ini;
}

std::string run_job(const RunRequest &request, const RunMachine &machine,
                    const std::vector<Module> &modules, const RunSurroundings &surroundings) {
    std::string job;
    const auto add = [&](std::string_view key, std::string_view value) {
        job += key;
        job += '=';
        job += value;
        job += '\0';
    };
    for (const Module &module : modules)
        add(run::kModule, "/" + module.path);
    for (const RunFolder &folder : machine.folders)
        if (folder.path.empty())
            add(run::kRoot, "9p:" + folder.tag);
        else
            add(run::kShare,
                fmt::format("{}:{}:{}", folder.read_only ? "ro" : "rw", folder.tag, folder.path));
    if (!request.image.empty())
        add(run::kRoot, "disk:/dev/vda");
    else if (request.root.empty())
        add(run::kRoot, "initrd");
    if (request.has_network)
        add(run::kNetwork, kAddresses);
    if (request.has_terminal)
        add(run::kTerminal, surroundings.window);
    add(run::kHost, surroundings.host);
    add(run::kFolder, surroundings.folder);
    add(run::kEnvironment, "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
    add(run::kEnvironment, "HOME=/root");
    add(run::kEnvironment, "USER=root");
    add(run::kEnvironment, "LOGNAME=root");
    add(run::kEnvironment, "SHELL=/bin/sh");
    if (!surroundings.terminal.empty())
        add(run::kEnvironment, "TERM=" + surroundings.terminal);
    if (!surroundings.language.empty())
        add(run::kEnvironment, "LANG=" + surroundings.language);
    // A command may write there whether anybody wants that or not.
    add(run::kEnvironment, fmt::format("QEMUNIT_OUTPUT={}", run::kOutputFolder));
    add(run::kEnvironment, fmt::format("QEMUNIT_EVENTS={}",
                                       request.events.empty() ? "/dev/null" : run::kEventsFifo));
    if (!request.output.empty())
        for (const char *name : {"GCOV_PREFIX", "GOCOVERDIR"})
            add(run::kEnvironment, fmt::format("{}={}", name, run::kOutputFolder));
    if (!request.events.empty())
        add(run::kEventsPath, run::kEventsFifo);
    for (const std::string &variable : request.environment)
        add(run::kEnvironment, variable);
    for (const std::string &word : request.command)
        add(run::kArgument, word);
    return job;
}

std::vector<std::string> run_modules(const RunRequest &request) {
    std::vector<std::string> names{"virtio_pci", "virtio_console"};
    if (!request.root.empty() || !request.shares.empty() || !request.output.empty())
        names.insert(names.end(), {"9pnet_virtio", "9p"});
    if (!request.root.empty() || !request.image.empty())
        names.emplace_back("overlay");
    if (request.has_network)
        names.emplace_back("virtio_net");
    // What ext4 asks for by a name, and so is in no table (its sums of blocks), comes before it.
    if (!request.image.empty())
        names.insert(names.end(), {"virtio_blk", "crc32c_generic", "crc32c_intel", "ext4", "xfs",
                                   "btrfs", "squashfs", "erofs", "nls_cp437", "nls_ascii", "vfat"});
    return names;
}

}  // namespace qemunit::ctl
