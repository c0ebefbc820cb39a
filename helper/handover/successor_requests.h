// SPDX-License-Identifier: MIT
//
// What a companion asks its supervisor for, who alone can run programs and has what is kept for
// them: a QEMU for a guest that runs, and that the next companion has that QEMU's descriptors. A
// request is one message on a socket pair, then request_signal(). The supervisor waits for nothing.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/result.h"
#include "helper/handover/companion_command.h"

namespace qemunit::helper {

struct SuccessorRequest {
    enum class Kind {
        start,  // a QEMU as `order` says, beside `process`; its helper answers at the fd `answer`
        adopt,  // `process` and `fds`, for the next companion, if Handover::has_succeeded
        drop,   // what is kept of the set `set`
    } kind = Kind::start;
    pid_t process = -1;
    SuccessorOrder order;
    unsigned set = 0;
    CompanionFds fds;
};

// The fds stay open here.
Result<> send_request(int control, pid_t supervisor, const SuccessorRequest &request);
// Nothing if there is none, or if it is none.
std::optional<SuccessorRequest> receive_request(int control);

// What the helper of a successor has sent with send_ends().
struct SuccessorEnds {
    pid_t process = -1;
    CompanionFds fds;
};
Result<SuccessorEnds> take_ends(int answer);

// "4711\nqmp\nguest:serial\n", and fds in that order.
std::string ends_text(pid_t process, const CompanionFds &fds);
std::optional<SuccessorEnds> parse_ends(std::string_view text, std::vector<UniqueFd> fds);

}  // namespace qemunit::helper
