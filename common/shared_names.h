// SPDX-License-Identifier: MIT
//
// Names by which one of our programs knows what another one has made: files, sockets, devices of
// QEMU, processes, objects on D-Bus. Paths stand in paths.h, options in helper_options.h.
#pragma once

#include <string_view>

namespace qemunit {

// The generator's drop-in for each unit of a VM.
inline constexpr std::string_view kDropInName = "50-qemunit.conf";

// Sockets of a VM, which are also the chardevs behind them: NAME.sock in its folder. All others
// are its serial ports and channels.
inline constexpr std::string_view kMonitorSocket = "monitor";
inline constexpr std::string_view kQmpSocket = "qmp";
inline constexpr std::string_view kControlSocket = "control";  // qemunitd's
inline constexpr std::string_view kGuestAgentSocket = "agent";
// Below the folder of qemu-usernet@.service: for QEMU, and for who asks what is connected.
inline constexpr std::string_view kUsernetStream = "sock";
inline constexpr std::string_view kUsernetList = "list";
// The chardev of the companion's QMP, which has no socket.
inline constexpr std::string_view kCompanionChardev = "companion";
// Where the companion is asked to move the VM to another host: qemunitd's, too.
inline constexpr std::string_view kCompanionSocket = kCompanionChardev;
// Of the companion, with an open USB device of the host: has QEMU use it, instead of the one that
// was unplugged.
inline constexpr const char *kPlugUsbCommand = "plug-usb";
// There only while the VM is being received from another host (qemu-migrate@.socket).
inline constexpr std::string_view kMigrateSocket = "migrate";
inline constexpr std::string_view kCopySocket = "migrate-disks";
// The port that every VM has.
inline constexpr std::string_view kFirstSerialPort = "serial";

// QEMU's ids of things that no section of the ini names; no name of a section begins so.
inline constexpr std::string_view kOwnIds = "qemunit-";
inline constexpr std::string_view kGuestAgentDevice = "qemunit-agent";
inline constexpr std::string_view kMemoryId = "qemunit-memory";
inline constexpr std::string_view kRngId = "qemunit-rng";
inline constexpr std::string_view kPortIds = "qemunit-port-";  // and a number
inline constexpr std::string_view kUsbControllerId = "qemunit-usb";
inline constexpr std::string_view kHostDevicePortIds = "qemunit-hostdev-";  // and the device's name
inline constexpr std::string_view kIoThreadIds = "qemunit-io-";             // and the drive's name
inline constexpr std::string_view kSoundIds = "qemunit-sound-";             // and the card's name
inline constexpr std::string_view kTpmId = "qemunit-tpm";
inline constexpr std::string_view kScreenId = "qemunit-screen";
inline constexpr std::string_view kSpiceAgentId = "qemunit-spice-agent";
inline constexpr std::string_view kRedirectionIds = "qemunit-redirection-";  // and a number
inline constexpr std::string_view kSeedId = "qemunit-seed";
inline constexpr std::string_view kShareIds = "qemunit-fs-";      // and the share's name
inline constexpr std::string_view kHotDriveIds = "qemunit-hot-";  // and the name of AttachDrive
inline constexpr std::string_view kHotNetworkIds = "qemunit-hotnet-";  // and that of AttachNetwork
inline constexpr std::string_view kHotProcessorIds = "qemunit-cpu-";   // and its place
inline constexpr std::string_view kHotMemoryIds = "qemunit-dimm-";     // and a number
// A block node without a use, while the guest was asked in vain to let go of that drive.
inline constexpr std::string_view kLeavingDrives = "qemunit-out-";
// What QEMU keeps beside the image of such a drive: its name, then its "origin" behind a colon.
inline constexpr std::string_view kHotDriveLabels = "qemunit-drive:";

// In lists of processes, the companion's parent begins so.
inline constexpr std::string_view kSupervisorTitle = "qemunit-helper: supervisor";

// qemunitd's, see org.qemunit1(5). As C strings, which sd-bus takes.
inline constexpr char kBusName[] = "org.qemunit1";
inline constexpr char kManagerObject[] = "/org/qemunit1";
inline constexpr char kVmManagerInterface[] = "org.qemunit1.Manager";
inline constexpr char kVmObjects[] = "/org/qemunit1/vm";  // sd_bus_path_encode(3) with a name
inline constexpr char kVmInterface[] = "org.qemunit1.VM";

}  // namespace qemunit
