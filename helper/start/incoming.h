// SPDX-License-Identifier: MIT
//
// Whether this start is to take the VM over from another host: systemd passes migrate.sock then
// (qemu-migrate@.socket), to which `qemunitctl receive` connects and says what is to come. Until
// the guest runs here, each start waits for that, and none boots the guest: it runs elsewhere.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/files/copy_mark.h"
#include "common/files/move_record.h"
#include "common/result.h"
#include "common/unique_fd.h"
#include "helper/start/listening_sockets.h"

namespace qemunit::helper {

struct IncomingVm {
    UniqueFd connection, listener;
    Move move;
    std::string machine;      // "pc-q35-7.2", as the source's QEMU calls it
    std::string accelerator;  // "kvm", "tcg"
    // The disks that come along, by the connections to migrate-disks.sock.
    std::vector<CopiedImage> copies;
    UniqueFd copy_listener;
};

// incoming_line(), without the newline.
Result<IncomingVm> parse_incoming(std::string_view line);

// Nothing if the VM is to boot. Waits for `qemunitctl receive`, with a deadline.
Result<std::optional<IncomingVm>> take_incoming(ListeningSockets &sockets);

// QEMU's command line with the source's machine type. Fails if the other accelerator is used.
Result<> take_over_machine(const IncomingVm &incoming, std::vector<std::string> &command,
                           bool uses_kvm);

}  // namespace qemunit::helper
