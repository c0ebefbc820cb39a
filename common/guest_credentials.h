// SPDX-License-Identifier: MIT
//
// Where systemd in a guest looks for its credentials: the folder in QEMU's fw_cfg (systemd(1)).
#pragma once

#include <string_view>

namespace qemunit {

inline constexpr std::string_view kGuestCredentials = "opt/io.systemd.credentials/";

// The one by which it knows to whom it says READY=1, once it is up.
inline constexpr std::string_view kNotifySocketCredential = "vmm.notify_socket";

}  // namespace qemunit
