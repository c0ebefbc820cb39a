// SPDX-License-Identifier: MIT
#include "helper/start/succession_start.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "common/files/descriptor_message.h"
#include "common/shared_names.h"
#include "helper/handover/successor_requests.h"
#include "helper/start/shared_memory.h"

namespace qemunit::helper {

Result<SuccessionStart> take_succession(const SuccessorOrder &order, CompanionCommand command) {
    SuccessionStart start{.options = std::move(command.told),
                          .sockets = {},
                          .images = {},
                          .answer = {},
                          .arguments = {}};
    const auto take = [&](const std::string &name) {
        auto node = command.fds.extract(name);
        return node.empty() ? UniqueFd() : std::move(node.mapped());
    };
    start.answer = take(kAnswerFd);
    for (const std::string_view name : {kMonitorSocket, kQmpSocket, kControlSocket})
        if (UniqueFd socket = take(kept_socket_fd(name)))
            start.sockets.insert_or_assign(std::string(name), std::move(socket));
    for (const DriveFile &file : start.options.files) {
        UniqueFd fd = take(kept_image_fd(file.set));
        if (!fd)
            return fail(ENOENT, fmt::format("{} was not kept open", key_of(file)));
        start.images.push_back({file, std::move(fd)});
    }
    std::vector<std::string> &qemu = start.options.qemu;
    if (auto completed = complete_drives(qemu, start.images); !completed)
        return std::unexpected(completed.error());
    const auto machine = std::ranges::find(qemu, "-machine");
    if (machine == qemu.end() || machine + 1 == qemu.end())
        return fail(EINVAL, "QEMU's command line has no -machine");
    (machine + 1)
        ->replace(0, std::min((machine + 1)->find(','), (machine + 1)->size()), order.machine);
    if (!share_memory(qemu))
        return fail(ENOTSUP, "the guest's memory cannot be taken over");
    // The companion says what QEMU waits for next, as soon as the other QEMU has come.
    start.arguments = {
        "-S", "-incoming", "defer", "-incoming",
        fmt::format(R"({{"channel-type":"cpr","addr":{{"transport":"socket","type":"unix",)"
                    R"("path":"{}"}}}})",
                    order.socket)};
    return start;
}

Result<> send_ends(int socket, const CompanionFds &ends) {
    const std::string text = ends_text(getpid(), ends);
    std::vector<int> fds;
    for (const auto &[name, fd] : ends)
        fds.push_back(fd.get());
    if (send_with_descriptors(socket, text, fds) != static_cast<ssize_t>(text.size()))
        return fail_errno(errno, "cannot tell the companion of the new QEMU");
    return {};
}

}  // namespace qemunit::helper
