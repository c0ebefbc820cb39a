// SPDX-License-Identifier: MIT
//
// The helper's command line, as the generator writes it into ExecStart=:
// qemunit-helper --vm=vm1 --serial=serial --serial=debug,direct,nolog QEMU ARGUMENT…
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/paths.h"
#include "common/result.h"
#include "helper/handover/drive_file.h"

namespace qemunit::helper {

// TimeoutStopSec= of qemu@.service.
inline constexpr uint64_t kDefaultStopTimeout = 60'000'000;

enum class StopMode {
    poweroff,   // the power button; pull the plug when the guest has not listened
    hibernate,  // save the machine's state, and pull the plug; poweroff if that fails
    quit,       // pull the plug
};

struct SerialPortOptions {
    std::string name;
    bool direct = false;  // QEMU serves the socket itself
    bool log = true;      // lines go to the journal
};

// What has to come after QEMU's answer until the VM counts as started.
struct Awaited {
    enum class Thing { nothing, console_line, agent, notify } thing = Thing::nothing;
    std::string expression;  // POSIX extended; the generator has checked it
    unsigned cid = 0;        // of the guest, whose READY=1 comes by vsock
};

// An image whose Size= stands in the ini.
struct SizedImage {
    uint64_t size = 0;  // bytes
    std::string format, path;
};

struct HelperOptions {
    enum class Mode { run, version, help } mode = Mode::run;
    std::string vm;
    Scope scope = Scope::system;
    bool has_caller = false;  // who is at the other end of standard input (common/run/protocol.h)
    std::vector<SerialPortOptions> serials;
    std::vector<std::string> channels;
    std::vector<std::string> unplugged;  // network cards whose cable is out
    bool agent = false;                  // a channel to the guest agent, relayed by the companion
    Awaited ready;
    bool check_kvm = false;                  // leave "-accel kvm" out where KVM is of no use
    std::string uefi_variables;              // the template of the VM's variable store, or ""
    std::vector<std::string> reads, writes;  // files that QEMU opens by their paths
    std::vector<std::string> made;           // images that qemu-image@.service makes
    std::vector<DriveFile> files;            // of drives; each before those that it is a layer on
    std::vector<std::string> mounted;  // what systemd mounts for QEMU, and qemunit-open has found
    std::vector<SizedImage> sized;
    // Units that serve QEMU, each with its socket.
    struct Need {
        std::string unit, socket;
    };
    std::vector<Need> needs;
    StopMode stop = StopMode::poweroff;
    uint64_t stop_timeout_usec = kDefaultStopTimeout;
    std::string not_saved;
    std::vector<std::string> optional_devices;  // USB devices that may be missing
    uint64_t idle_timeout_usec = 0;             // 0: never
    std::vector<std::string> qemu;              // program, arguments
    // Not told, but found: another QEMU could go on with the guest while it runs.
    bool shares_memory = false;
};

Result<HelperOptions> parse_helper_options(const std::vector<std::string> &arguments);

std::string helper_help();

}  // namespace qemunit::helper
