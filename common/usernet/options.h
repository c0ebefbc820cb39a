// SPDX-License-Identifier: MIT
//
// The options of qemunit-usernet, in one place: the generator writes them into ExecStart= of
// qemu-usernet@.service, the program takes them, and qemunitctl reads back from a process, and from
// systemd, what a network was started with and what it shall be.
#pragma once

#include <string>
#include <string_view>

#include "common/concat.h"

namespace qemunit {

// "qemu-usernet@vm1:lan.service"
inline std::string usernet_unit(std::string_view vm, std::string_view network) {
    return concat("qemu-usernet@", vm, ":", network, ".service");
}

namespace usernet_option {

inline constexpr std::string_view kVm = "--vm";
inline constexpr std::string_view kNetwork = "--network";
inline constexpr std::string_view kForward = "--forward";
inline constexpr std::string_view kRestrict = "--restrict";
inline constexpr std::string_view kHostLoopback = "--host-loopback";
inline constexpr std::string_view kConnected = "--connected";

}  // namespace usernet_option

}  // namespace qemunit
