// SPDX-License-Identifier: MIT
#include "helper/guest/notify_message.h"

#include <algorithm>

#include "common/console/console_lines.h"
#include "common/console/shortened.h"
#include "common/whole_number.h"

namespace qemunit::helper {

namespace {

constexpr std::size_t kStatusMax = 200;  // bytes

std::string plain_status(std::string_view text) {
    std::string status;
    ConsoleLines line([&](const std::string &shown) { status += shown; });
    line.feed(text);
    line.flush_partial();
    return shortened(status, kStatusMax);
}

std::optional<int> exit_status(std::string_view text) {
    return whole_number<int>(text, {.most = 255});
}

}  // namespace

NotifyMessage parse_notify_message(std::string_view text) {
    NotifyMessage message;
    while (!text.empty()) {
        const std::size_t end = std::min(text.find('\n'), text.size());
        const std::string_view line = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
        const std::size_t equals = std::min(line.find('='), line.size());
        const std::string_view name = line.substr(0, equals);
        const std::string_view value = line.substr(std::min(equals + 1, line.size()));
        if (line == "READY=1")
            message.ready = true;
        else if (name == "STATUS" && equals < line.size())
            message.status = plain_status(value);
        else if (name == "EXIT_STATUS")
            if (const auto status = exit_status(value))
                message.exit_status = status;
    }
    return message;
}

bool is_of_guest(const sockaddr_vm &peer, unsigned cid) {
    return peer.svm_family == AF_VSOCK && peer.svm_cid == cid;
}

}  // namespace qemunit::helper
