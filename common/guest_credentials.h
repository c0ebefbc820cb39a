// SPDX-License-Identifier: MIT
//
// Where systemd in a guest looks for its credentials: the folder in QEMU's fw_cfg (systemd(1)).
#pragma once

#include <string_view>

namespace qemunit {

inline constexpr std::string_view kGuestCredentials = "opt/io.systemd.credentials/";

// The credential that tells the guest's systemd where to send READY=1.
inline constexpr std::string_view kNotifySocketCredential = "vmm.notify_socket";

}  // namespace qemunit
