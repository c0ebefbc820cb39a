// SPDX-License-Identifier: MIT
//
// The options of qemunit-helper, in one place: the generator writes them into ExecStart= of
// qemu@.service, the helper takes them, and qemunitctl reads them back from what systemd has.
// What each one means says the table in helper/handover/options.cpp.
#pragma once

#include <string>
#include <string_view>

#include "common/concat.h"

namespace qemunit::helper_option {

inline constexpr std::string_view kVm = "--vm";
inline constexpr std::string_view kUser = "--user";
inline constexpr std::string_view kCaller = "--caller";
inline constexpr std::string_view kSerial = "--serial";  // NAME, then flags behind commas
inline constexpr std::string_view kChannel = "--channel";
inline constexpr std::string_view kUnplugged = "--unplugged";
inline constexpr std::string_view kAgent = "--agent";
inline constexpr std::string_view kReady = "--ready";
inline constexpr std::string_view kCheckKvm = "--check-kvm";
inline constexpr std::string_view kUefiVariables = "--uefi-variables";
inline constexpr std::string_view kReads = "--reads";
inline constexpr std::string_view kWrites = "--writes";
inline constexpr std::string_view kMade = "--made";
inline constexpr std::string_view kDriveFile = "--drive-file";      // SET:DRIVE:ACCESS:FORMAT:PATH
inline constexpr std::string_view kBackingFile = "--backing-file";  // SET:DRIVE:FORMAT:PATH
inline constexpr std::string_view kBackingLayer = "--backing-layer";  // the same, below that
inline constexpr std::string_view kOwner = "--owner";                 // qemunit-open's
inline constexpr std::string_view kTap = "--tap";                     // qemunit-open's
inline constexpr std::string_view kUsbDevice = "--usb-device";        // qemunit-open's
inline constexpr std::string_view kOptionalDevice = "--optional-device";
inline constexpr std::string_view kMounted = "--mounted";
inline constexpr std::string_view kSized = "--sized";  // BYTES:FORMAT:PATH
inline constexpr std::string_view kNeeds = "--needs";  // UNIT,SOCKET
inline constexpr std::string_view kStop = "--stop";
inline constexpr std::string_view kStopTimeout = "--stop-timeout";
inline constexpr std::string_view kNotSaved = "--not-saved";  // why, for people
inline constexpr std::string_view kIdleTimeout = "--idle-timeout";

// Flags of a serial port.
inline constexpr std::string_view kDirect = "direct";
inline constexpr std::string_view kNoLog = "nolog";

// What --ready waits for. The first and the last one stand before a value.
inline constexpr std::string_view kSerialLine = "serial:";
inline constexpr std::string_view kAgentAnswers = "agent";
inline constexpr std::string_view kNotice = "notify:";

// Modes of --stop, which are also those of Stop= in the ini.
inline constexpr std::string_view kPoweroff = "poweroff";
inline constexpr std::string_view kHibernate = "hibernate";
inline constexpr std::string_view kQuit = "quit";

// "--vm=vm1"
inline std::string with_value(std::string_view option, std::string_view value) {
    return concat(option, "=", value);
}

// Whether the word is this option with a value, and which one.
inline bool takes_value(std::string_view word, std::string_view option) {
    return word.starts_with(option) && word.substr(option.size()).starts_with('=');
}
inline std::string_view value_of(std::string_view word) {
    return word.substr(word.find('=') + 1);
}

}  // namespace qemunit::helper_option
