// SPDX-License-Identifier: MIT
//
// Bytes on a Unix socket, and the descriptors that go along with them (unix(7), SCM_RIGHTS).
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

#include "common/unique_fd.h"

namespace qemunit {

// The kernel's own limit for one message (SCM_MAX_FD).
constexpr std::size_t kMostDescriptors = 253;

// As sendmsg(2) with `flags` and MSG_NOSIGNAL: the number of bytes that went, with all of `fds`,
// or -1 and errno. E2BIG: more than kMostDescriptors. The caller keeps its descriptors.
ssize_t send_with_descriptors(int socket, std::string_view bytes, std::span<const int> fds,
                              int flags = 0);

struct DescriptorMessage {
    ssize_t size = 0;  // as of recvmsg(2), with errno
    std::vector<UniqueFd> fds;
    bool is_cut = false;  // not all of the bytes, or of the descriptors, had room
};
// As recvmsg(2) with `flags`, of at most `most` descriptors: the kernel closes the others. All that
// came are owned, so that no peer makes one stay open.
DescriptorMessage receive_with_descriptors(int socket, std::span<char> buffer, int flags = 0,
                                           std::size_t most = kMostDescriptors);

}  // namespace qemunit
