// SPDX-License-Identifier: MIT
#include "helper/start/handed.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <string_view>

#include "common/files/descriptor_message.h"
#include "common/run/protocol.h"

namespace qemunit::helper {

namespace {

constexpr std::size_t kNamesMax = 4096;
constexpr char kDoing[] = "cannot take what the caller hands over";

}  // namespace

Result<Handed> take_handed() {
    Handed handed;
    handed.caller.reset(fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1));
    const UniqueFd nothing(open("/dev/null", O_RDONLY | O_CLOEXEC));
    if (!handed.caller || !nothing || dup2(nothing.get(), STDIN_FILENO) < 0)
        return fail_errno(errno, kDoing);

    std::string names(kNamesMax, '\0');
    DescriptorMessage message = receive_with_descriptors(handed.caller.get(), names, MSG_DONTWAIT);
    if (message.size < 0)
        return fail_errno(
            errno, std::string(kDoing) + "; this program is for `qemunitctl run` with this option");
    if (message.size == 0)
        return fail(ENOTCONN, "the caller has gone");
    // A caller who does not get that goes on all the same, and the companion sees one who has gone.
    (void)send(handed.caller.get(), "", 1, MSG_DONTWAIT | MSG_NOSIGNAL);
    std::vector<UniqueFd> &fds = message.fds;
    names.resize(static_cast<std::size_t>(message.size));

    std::size_t count = 0;
    for (std::string_view rest = names; !rest.empty() && count < fds.size(); ++count) {
        const std::size_t end = rest.find('\n');
        if (end == rest.npos)
            return fail(EPROTO, std::string(kDoing) + ": a name does not end");
        const std::string_view name = rest.substr(0, end);
        rest.remove_prefix(end + 1);
        if (!name.starts_with(run::kFilePrefix)) {
            handed.sockets.insert_or_assign(std::string(name), std::move(fds[count]));
            continue;
        }
        const int number = run::kFirstFile + static_cast<int>(count);
        if (dup3(fds[count].get(), number, O_CLOEXEC) < 0)
            return fail_errno(errno, kDoing);
        handed.files.emplace_back(number);
    }
    if (count != fds.size() || message.is_cut)
        return fail(EPROTO, std::string(kDoing) + ": names and descriptors do not match");
    return handed;
}

}  // namespace qemunit::helper
