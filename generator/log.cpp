// SPDX-License-Identifier: MIT
#include "generator/log.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <syslog.h>

namespace qemunit::generator {

namespace {

// A record of the kernel log holds 976 bytes of text (kernel/printk/printk.c,
// PRINTKRB_RECORD_MAX); what is longer would be refused whole.
constexpr std::size_t kRecordMax = 900;

// kmsg is 1:11 (mem(4), Documentation/admin-guide/devices.txt). In a container, /dev/kmsg is
// missing, or a fifo, or the container's console.
bool is_kernel_log(int fd) {
    struct stat info {};
    return fstat(fd, &info) == 0 && S_ISCHR(info.st_mode) && info.st_rdev == makedev(1, 11);
}

// Nothing while journald is not up, as at boot. Neither connecting nor sending ever waits.
UniqueFd connect_to_journald() {
    constexpr std::string_view kSocket = "/run/systemd/journal/socket";
    UniqueFd fd(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    kSocket.copy(address.sun_path, kSocket.size());
    if (fd && connect(fd.get(), reinterpret_cast<const sockaddr *>(&address), sizeof address) != 0)
        fd.reset();
    return fd;
}

}  // namespace

Log::Log(Reader reader) : reader_(reader) {
    if (reader != Reader::kernel_log)
        return;
    // A fifo whose reader is gone, or asleep, must not hold up the boot.
    kernel_.reset(open("/dev/kmsg", O_WRONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
    is_kernels_ = kernel_ && is_kernel_log(kernel_.get());
    if (!is_kernels_)
        journald_ = connect_to_journald();
}

void Log::write(const Diagnostic &diagnostic) const {
    write(diagnostic.severity, to_string(diagnostic));
}

void Log::write(Severity severity, std::string_view message) const {
    const int priority = severity == Severity::error ? LOG_ERR : LOG_WARNING;
    if (reader_ == Reader::kernel_log && !is_kernels_)
        tell_journald(priority, message);
    if (!kernel_ && reader_ != Reader::journal) {
        fmt::print(stderr, "{}\n", message);
        return;
    }
    const std::string record = fmt::format("<{}>qemunit-generator[{}]: {}\n", priority, getpid(),
                                           message.substr(0, kRecordMax));
    // If the log cannot be written, we have no other place to say so.
    (void)!::write(kernel_ ? kernel_.get() : STDERR_FILENO, record.data(), record.size());
}

// journald's native protocol (https://systemd.io/JOURNAL_NATIVE_PROTOCOL); a message is one line.
void Log::tell_journald(int priority, std::string_view message) const {
    const std::string entry = fmt::format(
        "PRIORITY={}\nSYSLOG_IDENTIFIER=qemunit-generator\nMESSAGE={}\n", priority, message);
    if (!journald_ || send(journald_.get(), entry.data(), entry.size(), MSG_NOSIGNAL) < 0)
        unheard_.push_back(fmt::format("<{}>{}", priority, message));
}

}  // namespace qemunit::generator
