// SPDX-License-Identifier: MIT
//
// A message of sd_notify(3) that a guest's systemd sends to the machine it runs on: text -> what
// of it matters to the VM. And whose messages a VM takes. Pure; a guest writes the whole message,
// and what is read out of it can be shown to anybody.
#pragma once

#include <sys/socket.h>
// After <sys/socket.h>, which it needs.
#include <linux/vm_sockets.h>

#include <optional>
#include <string>
#include <string_view>

namespace qemunit::helper {

// systemd's own limit for a message (NOTIFY_BUFFER_MAX).
inline constexpr std::size_t kNotifyMessageMax = 4 * 1024;

struct NotifyMessage {
    bool ready = false;                 // READY=1
    std::optional<std::string> status;  // STATUS=: one line of valid UTF-8, short, maybe empty
    std::optional<int> exit_status;     // EXIT_STATUS=, 0 to 255
};

// All other fields, X_SYSTEMD_UNIT_ACTIVE= and the like, are left out, and so is an EXIT_STATUS=
// that is no number. Of two fields with one name, the last counts.
NotifyMessage parse_notify_message(std::string_view text);

// Whether a connection is of the guest with this CID. vhost_vsock lets no guest have another's;
// a process of the host has VMADDR_CID_HOST or VMADDR_CID_LOCAL.
bool is_of_guest(const sockaddr_vm &peer, unsigned cid);

}  // namespace qemunit::helper
