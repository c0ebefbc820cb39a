// SPDX-License-Identifier: MIT
//
// What a guest's systemd says to the machine that it runs on, as sd_notify(3) has it: text ->
// what of it matters to the VM. And whom a VM listens to. Pure; a guest writes all of it, and
// what comes out can be shown to anybody.
#pragma once

#include <sys/socket.h>
// After <sys/socket.h>, which it needs.
#include <linux/vm_sockets.h>

#include <optional>
#include <string>
#include <string_view>

namespace qemunit::helper {

// systemd's own limit for a message (NOTIFY_BUFFER_MAX).
inline constexpr std::size_t kGuestMessageMax = 4 * 1024;

struct GuestMessage {
    bool ready = false;                 // READY=1
    std::optional<std::string> status;  // STATUS=: one line of valid UTF-8, short, maybe empty
    std::optional<int> exit_status;     // EXIT_STATUS=, 0 to 255
};

// All else that systemd says, X_SYSTEMD_UNIT_ACTIVE= and the like, is left out, and so is a value
// that is none. Of two that say the same, the last counts.
GuestMessage parse_guest_message(std::string_view text);

// Whether a connection is of the guest with this CID. vhost_vsock lets no guest have another's;
// a process of the host has VMADDR_CID_HOST or VMADDR_CID_LOCAL.
bool is_of_guest(const sockaddr_vm &peer, unsigned cid);

}  // namespace qemunit::helper
