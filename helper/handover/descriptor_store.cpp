// SPDX-License-Identifier: MIT
#include "helper/handover/descriptor_store.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <cstring>

#include "common/concat.h"
#include "common/files/descriptor_message.h"
#include "common/unique_fd.h"

namespace qemunit::helper {

namespace {

constexpr time_t kSendSeconds = 10;

// "/run/systemd/notify", or "@…" for an abstract one.
Result<socklen_t> fill_address(sockaddr_un &address) {
    const char *path = std::getenv("NOTIFY_SOCKET");
    const std::size_t size = path == nullptr ? 0 : std::strlen(path);
    if (size < 2 || size >= sizeof address.sun_path || (*path != '/' && *path != '@'))
        return fail(ENOTCONN, "systemd has given no notification socket");
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path, size);
    if (*path == '@')
        address.sun_path[0] = '\0';
    return static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + size);
}

Result<> tell_systemd(const std::string &text, std::span<const int> fds = {}) {
    sockaddr_un address{};
    const auto length = fill_address(address);
    if (!length)
        return std::unexpected(length.error());
    const UniqueFd socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    const timeval patience{kSendSeconds, 0};
    if (!socket ||
        setsockopt(socket.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience) != 0)
        return fail_errno(errno, "cannot create a socket");
    if (connect(socket.get(), reinterpret_cast<const sockaddr *>(&address), *length) != 0 ||
        send_with_descriptors(socket.get(), text, fds) < 0)
        return fail_errno(errno, "cannot send a message to systemd");
    return {};
}

}  // namespace

// FDPOLL=0: systemd would wait for a file to hang up, which no file does.
Result<> store_descriptor(std::string_view name, int fd) {
    return tell_systemd(concat("FDSTORE=1\nFDPOLL=0\nFDNAME=", name), {&fd, 1});
}

Result<> remove_stored(std::string_view name) {
    return tell_systemd(concat("FDSTOREREMOVE=1\nFDNAME=", name));
}

std::string stored_tap_name(std::string_view network) {
    return concat("tap-", network);
}

std::string stored_usb_name(std::string_view device) {
    return concat("usb-", device);
}

std::string stored_mount_name(std::size_t place) {
    return concat(kStoredMount, std::to_string(place));
}

// As sd_notify_barrier(3): systemd closes the writing end when it comes to this message.
Result<> wait_for_store(int seconds) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0)
        return fail_errno(errno, "cannot create a pipe");
    const UniqueFd reading(ends[0]);
    UniqueFd writing(ends[1]);
    const int passed = writing.get();
    if (auto told = tell_systemd("BARRIER=1", {&passed, 1}); !told)
        return told;
    writing.reset();
    pollfd wait{.fd = reading.get(), .events = 0, .revents = 0};
    const int ready = poll(&wait, 1, seconds * 1000);
    if (ready < 0)
        return fail_errno(errno, "cannot wait for systemd");
    return ready > 0 ? Result<>()
                     : fail(ETIMEDOUT, concat("systemd has taken the open files of the VM for ",
                                              std::to_string(seconds), " s, and not answered"));
}

}  // namespace qemunit::helper
