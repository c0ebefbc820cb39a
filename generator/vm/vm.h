// SPDX-License-Identifier: MIT
//
// What the ini files of one VM say, as values: filled by configure(), read by
// qemu_arguments() and render(). An empty text and an empty optional mean "not given";
// what the default then is depends on the machine and is machine.h's to know.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "common/host_device/address.h"
#include "common/host_forward.h"
#include "common/paths.h"
#include "generator/vm/diagnostic.h"

namespace qemunit::generator {

enum class Architecture { x86_64, i386, aarch64, arm, riscv64 };
enum class Accelerator { automatic, kvm, tcg };
enum class Firmware { bios, uefi, uefi_secure };
enum class GuestOs { generic, windows };
enum class RebootAction { reset, poweroff };
enum class Display { none, vnc, spice };
enum class HardwareVersion { v0_1, v0_8 };
enum class VideoCard { standard, virtio, qxl, cirrus, vmware, bochs, ramfb };
enum class SoundModel { hda, ac97, es1370, sb16, usb };
enum class WatchdogAction { no, reset, shutdown, poweroff, pause, inject_nmi, none };
enum class PanicAction { fail, restart, pause };
enum class Activation { none, socket };
enum class StopAction { poweroff, hibernate, quit };
enum class DriveInterface { virtio, scsi, nvme, ide, sata, usb, floppy, sd };
enum class DriveMedia { disk, cdrom };
enum class DriveCache { writeback, writethrough, none, directsync, unsafe };
enum class DriveAio { threads, native, io_uring };
enum class NetworkType { user, tap, bridge, passt, none };
enum class SerialType { isa, virtio };
enum class ShareType { ninep, virtiofs, vfat };

// Values with a syntax of their own; parse_value() in values.h is the only maker.
struct FilePath {
    std::string text;  // absolute, or relative to the VM's state directory
};
struct FolderPath {
    std::string text;  // absolute
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
struct DiskSize {
    uint64_t bytes = 0;  // whole sectors
};
struct Rate {
    uint64_t number = 0;  // by the second: bytes, or operations
};
struct SnapshotCount {
    unsigned number = 0;
};
inline constexpr unsigned kCpusMax = 1024;  // no machine of QEMU has more
struct CpuCount {
    unsigned count = 0;
};
// "hpet=off"
struct MachineOption {
    std::string name, value;
};
// "ICH9-LPC.disable_s3=1"
struct DeviceProperty {
    std::string driver, property, value;
};
// "type=1,serial=ds=nocloud", in QEMU's words
struct SmbiosTable {
    std::string text;
};
struct HugePages {
    bool are_used = false;
    uint64_t bytes = 0;  // 0: the kernel's usual size
};
struct Resolution {
    unsigned width = 0, height = 0;
};
struct ScreenCount {
    unsigned number = 0;
};
struct PortCount {
    unsigned number = 0;
};
struct QueueCount {
    unsigned number = 0;
};
struct Uuid {
    std::string text;
};
struct ClockBase {
    std::string text;  // "utc", "localtime", "2026-01-01T12:00:00"
};
struct TimeSpan {
    std::string text;      // "1min 30s", systemd's own syntax
    uint64_t seconds = 0;  // rounded down; the largest number for "infinity"
};
struct ReadyWhen {
    enum class Thing { started, serial_line, agent, notify } thing = Thing::started;
    std::string expression;  // that a line of the first serial port matches

    bool is_default() const { return thing == Thing::started; }
};
struct VsockCid {
    unsigned number = 0;
};
struct BootPosition {
    unsigned number = 0;  // lower is tried first
};
struct InterfaceName {
    std::string text;  // of a network interface of the host
};
struct MacAddress {
    std::string text;  // "52:54:00:12:34:56"
};
struct PciAddress {
    std::string text;  // "0000:03:00.0"
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
struct HostName {
    std::string text;
};
struct GuestUser {
    std::string text;  // of the guest, not of this machine
};
struct SshKey {
    std::string text;
    bool is_file = false;  // a path, or the key itself
};
struct PasswordHash {
    std::string text;  // as crypt(5) has it
};
struct UnitLine {
    std::string key, value;  // handed to systemd as written
    Location where;
};

struct Drive {
    std::string name;
    std::optional<FilePath> file;
    std::optional<QemuName> format;
    std::optional<DriveInterface> interface;
    DriveMedia media = DriveMedia::disk;
    bool read_only = false;
    bool ephemeral = false;
    std::optional<DiskSize> size;
    std::optional<FilePath> backing_file;
    std::optional<QemuName> backing_format;
    std::vector<FilePath> backing_layers;  // below backing_file, each below the one before
    std::optional<DriveCache> cache;
    std::optional<bool> discard;
    std::optional<DriveAio> aio;
    std::optional<BootPosition> boot_index;
    std::string serial;
    bool iothread = false;
    std::optional<QueueCount> queues;
    std::optional<Rate> bandwidth_max, read_bandwidth_max, write_bandwidth_max;
    std::optional<Rate> iops_max, read_iops_max, write_iops_max;

    // A medium that is made when it is missing (qemu-image@.service).
    bool is_made_by_us() const { return size || backing_file; }
};

struct Network {
    std::string name;
    NetworkType type = NetworkType::user;
    std::optional<QemuName> model;
    std::optional<MacAddress> mac;
    std::vector<HostForward> host_forwards;
    bool restricted = false;
    bool host_loopback = false;  // 127.0.0.1 of the host is 10.0.2.2
    bool link = true;            // the cable is in
    std::optional<InterfaceName> interface;
    std::optional<InterfaceName> bridge;
    std::optional<BootPosition> boot_index;
};

// Of the host, handed to the guest: one of the two addresses.
struct HostDevice {
    std::string name;
    std::optional<PciAddress> pci;
    std::optional<UsbAddress> usb;
    bool force = false;     // though the host uses it
    bool optional = false;  // may be plugged in later; of USB
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

struct Share {
    std::string name;
    std::optional<FolderPath> path;
    ShareType type = ShareType::ninep;
    std::optional<QemuName> tag;
    bool read_only = false;
    bool root = false;
    bool special_files = false;  // device nodes, set-user-ID bits
};

// A virtio-serial port; its socket on the host has the same name.
struct Channel {
    std::string name;
    SocketAccess socket;
};

struct Credential {
    std::string name;
    std::optional<FilePath> file;
    std::string text;
};

struct CloudInit {
    std::optional<FilePath> user_data, meta_data, network_config;
    std::optional<HostName> hostname;
    std::optional<GuestUser> user;
    std::vector<SshKey> ssh_keys;
    std::optional<PasswordHash> password;

    bool is_given() const {
        return user_data || meta_data || network_config || hostname || user || !ssh_keys.empty() ||
               password;
    }
};

// A file that the guest's firmware hands over: "opt/com.coreos/config:/srv/vm1.ign".
struct FirmwareFile {
    std::string name;
    FilePath file;
};

struct Boot {
    std::optional<FilePath> kernel;
    std::optional<FilePath> initrd;
    std::optional<FilePath> shim;
    std::optional<FilePath> device_tree;
    std::optional<FilePath> bios;
    std::vector<FirmwareFile> firmware_files;
    std::vector<SmbiosTable> smbios;
    std::vector<std::string> append;
    std::vector<std::string> order;  // names of drives and networks, or QEMU's letters
    bool menu = false;
};

// How the processors are divided. What is not given, QEMU makes of the others.
struct Topology {
    std::optional<CpuCount> sockets, dies, cores, threads;
    std::optional<CpuCount> maximum;  // with those that can be plugged later

    bool is_given() const { return sockets || dies || cores || threads || maximum; }
};

struct MemorySettings {
    std::optional<MemorySize> maximum;  // with what can be plugged later
    HugePages huge_pages;
    bool shared = false;
    bool locked = false;
    bool preallocated = false;
};

struct Screen {
    std::optional<VideoCard> card;
    std::optional<MemorySize> memory;
    std::optional<Resolution> resolution;
    std::optional<ScreenCount> outputs;
    bool agent = true;  // of SPICE
    std::optional<ScreenCount> usb_redirection;

    bool is_given() const {
        return card || memory || resolution || outputs || !agent || usb_redirection;
    }
};

struct Sound {
    std::string name;
    SoundModel model = SoundModel::hda;
    bool heard = true;  // by who watches the screen
};

// Found on this machine by load_vm() for Firmware=uefi (firmware.h).
struct UefiFirmware {
    std::string code, code_format;
    std::string variables, variables_format;  // the template
};

// Of the machine that the VMs run on (host_id.h).
struct HostId {
    std::array<uint8_t, 16> bytes{};
};

struct Vm {
    std::string name;
    std::string source_path;  // the ini file, as systemd shall name it
    Paths paths;              // of the manager that the units are for

    std::string description;
    std::optional<Architecture> architecture;
    std::optional<QemuName> machine;
    std::vector<MachineOption> machine_options;
    std::vector<DeviceProperty> device_properties;
    GuestOs guest_os = GuestOs::generic;
    Accelerator accelerator = Accelerator::automatic;
    std::string cpu;
    std::optional<CpuCount> cpus;
    std::optional<MemorySize> memory;
    std::optional<Uuid> uuid;
    Firmware firmware = Firmware::bios;
    std::optional<UefiFirmware> uefi;
    std::optional<HostId> host_id;  // where the address of a network card is made from it
    Display display = Display::none;
    std::optional<QemuName> keyboard;
    std::optional<ClockBase> clock;
    bool tpm = false;
    WatchdogAction watchdog = WatchdogAction::no;
    std::optional<bool> rng;
    bool balloon = false;
    std::optional<VsockCid> vsock_cid;
    bool guest_agent = false;
    std::optional<ProgramPath> qemu;
    std::vector<QemuWord> arguments;
    std::optional<AccountName> user;
    Activation activation = Activation::none;
    StopAction stop = StopAction::poweroff;
    ReadyWhen ready;
    std::optional<TimeSpan> start_timeout;
    std::optional<TimeSpan> stop_timeout;
    std::optional<TimeSpan> timeout;
    std::optional<TimeSpan> idle_timeout;
    std::optional<PanicAction> on_panic;
    RebootAction on_reboot = RebootAction::reset;
    bool starts_paused = false;
    bool debugger = false;
    std::string load_snapshot;
    std::optional<SnapshotCount> snapshot_keep;
    std::optional<SnapshotCount> backup_keep;
    bool is_registered = false;

    std::optional<PortCount> hot_plug_ports;
    HardwareVersion hardware = HardwareVersion::v0_1;
    Topology topology;
    MemorySettings memory_settings;
    Screen screen;
    std::vector<Sound> sounds;
    Boot boot;
    std::vector<Drive> drives;
    std::vector<Network> networks;
    std::vector<HostDevice> host_devices;
    std::vector<Serial> serials;  // the port "serial" is always there, and the first
    std::vector<Share> shares;
    std::vector<Channel> channels;
    std::vector<Credential> credentials;
    CloudInit cloud_init;
    SocketAccess monitor;

    std::vector<UnitLine> unit_lines;     // [Unit]
    std::vector<UnitLine> service_lines;  // [Service]
    std::vector<std::string> wanted_by;   // [Install]
    std::vector<std::string> required_by;

    // Where each key was last set, for errors that show only when all is read.
    // Section ("Drive root"), key; an empty key is the section's header. For the items of a
    // list, the key is the whole assignment ("HostForward=tcp::10022-:22").
    struct Place {
        std::size_t file = 0;  // of `files`
        unsigned line = 0;
    };
    std::map<std::pair<std::string, std::string>, Place> places;
    std::vector<std::string> files;  // their paths: the ini file, its drop-ins

    Location location(Place place) const { return {files[place.file], place.line}; }
    Location location(std::string_view section, std::string_view key = {}) const {
        const auto it = places.find(std::pair(std::string(section), std::string(key)));
        if (it == places.end() && !key.empty()) {
            const std::size_t equals = key.find('=');
            return location(section, equals == key.npos ? "" : key.substr(0, equals));
        }
        return it == places.end() ? Location{source_path, 0} : location(it->second);
    }
};

}  // namespace qemunit::generator
