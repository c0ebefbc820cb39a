// SPDX-License-Identifier: MIT
//
// Where systemd in a guest looks for its credentials (systemd(1)): the folder in QEMU's fw_cfg,
// and SMBIOS strings for names that are too long for that.
#pragma once

#include <cstddef>
#include <string_view>

namespace qemunit {

inline constexpr std::string_view kGuestCredentials = "opt/io.systemd.credentials/";

// Of the name of a credential (FW_CFG_MAX_FILE_PATH of QEMU).
inline constexpr std::size_t kFwCfgRoom = 55 - kGuestCredentials.size();

// The credential that tells the guest's systemd where to send READY=1.
inline constexpr std::string_view kNotifySocketCredential = "vmm.notify_socket";

// What [CloudInit] says, for guests with systemd (systemd.system-credentials(7)).
inline constexpr std::string_view kHostnameCredential = "system.hostname";
inline constexpr std::string_view kRootKeysCredential = "ssh.authorized_keys.root";
// Those of every user, by vsock.
inline constexpr std::string_view kAllKeysCredential = "ssh.ephemeral-authorized_keys-all";
inline constexpr std::string_view kPasswordCredential = "passwd.hashed-password.";  // and the user

}  // namespace qemunit
