// SPDX-License-Identifier: MIT
//
// What the ini files of one VM say, as values: filled by configure(), read by
// qemu_arguments() and render(). An empty text and an empty optional mean "not given";
// what the default then is depends on the machine and is machine.h's to know.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "generator/diagnostic.h"

namespace qemunit {

enum class Architecture { x86_64, i386, aarch64, arm, riscv64 };
enum class Accelerator { automatic, kvm, tcg };
enum class Display { none, vnc };
enum class DriveInterface { virtio, scsi, nvme, ide, sata, usb, floppy };
enum class DriveMedia { disk, cdrom };
enum class NetworkType { user, none };
enum class SerialType { isa, virtio };

// Values with a syntax of their own; parse_value() in values.h is the only maker.
struct FilePath {
    std::string text;  // absolute, or relative to the VM's state directory
};
struct ProgramPath {
    std::string text;  // absolute
};
struct QemuName {
    std::string text;  // of a machine, a device model, a format: no comma, no '='
};
struct MemorySize {
    uint64_t bytes = 0;
};
struct CpuCount {
    unsigned count = 0;
};
struct Uuid {
    std::string text;
};
struct MacAddress {
    std::string text;  // "52:54:00:12:34:56"
};
struct HostForward {
    std::string text;  // "tcp:127.0.0.1:10022-:22", QEMU's own syntax
    unsigned host_port = 0;
};
struct FileMode {
    unsigned bits = 0;
};
struct AccountName {
    std::string text;  // a user or a group, by name or number
};
struct QemuWord {
    std::string text;  // one word of the command line, any bytes but NUL
};
struct UnitLine {
    std::string key, value;  // handed to systemd as written
};

struct Drive {
    std::string name;
    std::optional<FilePath> file;
    std::optional<QemuName> format;
    std::optional<DriveInterface> interface;
    DriveMedia media = DriveMedia::disk;
    bool read_only = false;
    bool ephemeral = false;
};

struct Network {
    std::string name;
    NetworkType type = NetworkType::user;
    std::optional<QemuName> model;
    std::optional<MacAddress> mac;
    std::vector<HostForward> host_forwards;
};

struct SocketAccess {
    std::optional<FileMode> mode;
    std::optional<AccountName> user;
    std::optional<AccountName> group;

    bool is_default() const { return !mode && !user && !group; }
};

struct Serial {
    std::string name;
    std::optional<SerialType> type;
    bool log = true;
    bool direct = false;
    SocketAccess socket;
};

struct Boot {
    std::optional<FilePath> kernel;
    std::optional<FilePath> initrd;
    std::vector<std::string> append;
};

struct Vm {
    std::string name;
    std::string source_path;  // the ini file, as systemd shall name it

    std::string description;
    std::optional<Architecture> architecture;
    std::optional<QemuName> machine;
    Accelerator accelerator = Accelerator::automatic;
    std::string cpu;
    std::optional<CpuCount> cpus;
    std::optional<MemorySize> memory;
    std::optional<Uuid> uuid;
    Display display = Display::none;
    std::optional<ProgramPath> qemu;
    std::vector<QemuWord> arguments;

    Boot boot;
    std::vector<Drive> drives;
    std::vector<Network> networks;
    std::vector<Serial> serials;  // the port "serial" is always there, and the first
    SocketAccess monitor;

    std::vector<UnitLine> unit_lines;     // [Unit]
    std::vector<UnitLine> service_lines;  // [Service]
    std::vector<std::string> wanted_by;   // [Install]
    std::vector<std::string> required_by;

    // Where each key was last set, for errors that show only when all is read.
    // Section ("Drive root"), key; an empty key is the section's header.
    std::map<std::pair<std::string, std::string>, Location, std::less<>> locations;

    Location location(std::string_view section, std::string_view key = {}) const {
        auto it = locations.find(std::pair(std::string(section), std::string(key)));
        if (it == locations.end() && !key.empty())
            return location(section);
        return it == locations.end() ? Location{source_path, 0} : it->second;
    }
};

}  // namespace qemunit
