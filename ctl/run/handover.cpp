// SPDX-License-Identifier: MIT
#include "ctl/run/handover.h"

#include <fmt/format.h>
#include <sys/socket.h>

#include <cerrno>

#include "common/files/descriptor_message.h"
#include "common/run/protocol.h"

namespace qemunit::ctl {

int RunHandover::add_file(UniqueFd file) {
    const int place = static_cast<int>(handed_.size());
    handed_.emplace_back(fmt::format("{}{}", run::kFilePrefix, place), std::move(file));
    return run::kFirstFile + place;
}

Result<UniqueFd> RunHandover::add_socket(const std::string &name) {
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
        return fail_errno(errno, "cannot create a socket pair");
    handed_.emplace_back(name, UniqueFd(ends[1]));
    return UniqueFd(ends[0]);
}

Result<> RunHandover::send(int socket) {
    if (handed_.size() > run::kMostHanded)
        return fail(E2BIG, "too many shared folders");
    std::string names;
    std::vector<int> fds;
    for (const auto &[name, fd] : handed_) {
        names += name + '\n';
        fds.push_back(fd.get());
    }
    if (send_with_descriptors(socket, names, fds) != static_cast<ssize_t>(names.size()))
        return fail_errno(errno, "cannot hand over the files of the VM");
    handed_.clear();
    return {};
}

}  // namespace qemunit::ctl
