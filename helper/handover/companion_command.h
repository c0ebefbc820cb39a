// SPDX-License-Identifier: MIT
//
// The companion's command line, as the helper writes it: the process that becomes QEMU, the fds
// that stay open, by name, and what the helper itself was told.
//
//   qemunit-companion --qemu=4711 --fd=qmp:12 --fd=guest:serial:14 --vm=vm1 --serial=serial QEMU…
#pragma once

#include <sys/types.h>

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "common/result.h"
#include "common/shared_names.h"
#include "common/unique_fd.h"
#include "helper/handover/options.h"

namespace qemunit::helper {

using CompanionFds = std::map<std::string, UniqueFd>;

// Their names.
inline constexpr const char *kQmpFd = "qmp", *kResumedFd = "resumed", *kNotifyFd = "notify",
                            *kCallerFd = "caller", *kRequestsFd = "requests",
                            *kMigrateFd = "migrate";
// The stream of a VM that comes from another host; what is known of its move stands in the name:
// "incoming:TOKEN:VM:HOST".
inline constexpr std::string_view kIncomingFd = "incoming:";
// migrate-disks.sock, which the disks of such a VM come by: "copies:" and copied_images_text().
inline constexpr std::string_view kCopiesFd = "copies:";
// An image, to look at: "image:rw:DRIVE:PATH", or "ro". It is no copy of QEMU's own descriptor, which
// would keep QEMU's lock of the image.
inline constexpr std::string_view kWrittenImageFd = "image:rw:", kReadImageFd = "image:ro:";

// What is kept for a QEMU that takes the guest over (Successors): QEMU's own sockets, and the
// images by the numbers of their sets.
inline std::string kept_socket_fd(std::string_view name) {
    return "kept-socket:" + std::string(name);
}
inline std::string kept_image_fd(unsigned set) {
    return "kept-image:" + std::to_string(set);
}
inline constexpr std::string_view kKeptFd = "kept-";
// Where qemunit-helper sends the ends of what such a QEMU has at its other ends.
inline constexpr const char *kAnswerFd = "answer";

// What the companion writes to kResumedFd, a byte each. If the pipe ends without `runs`, the VM
// could not be resumed.
enum class Resumption : char {
    runs = 0,     // the guest runs
    given = 1,    // QEMU has the saved state
    loaded = 2,   // the state was good: if QEMU ends now, there is another reason
    refused = 3,  // the state is no good for this QEMU, which has said so, or has other hardware
    unfit = 4,    // the state may be good, but the disks are not those that it was saved with
};

inline std::string guest_fd(const std::string &port) {
    return "guest:" + port;
}
inline std::string clients_fd(const std::string &port) {
    return "clients:" + port;
}
// As a port; also the name of its chardev and socket.
inline const std::string kAgentPort{kGuestAgentSocket};

std::vector<std::string> companion_arguments(pid_t qemu, const CompanionFds &fds,
                                             const std::vector<std::string> &told);

struct CompanionCommand {
    pid_t qemu = -1;
    CompanionFds fds;
    HelperOptions told;
    std::vector<std::string> words;  // what `told` was made of
};

// In place of what comes first on the helper's command line: the rest is a companion's, whose guest
// shall go on in the QEMU that is to be run. "--successor=MACHINE,ACCELERATOR,SOCKET": the machine
// with its version, kvm or tcg, and where the two QEMUs meet.
inline constexpr std::string_view kSuccessor = "--successor=";

struct SuccessorOrder {
    std::string machine, accelerator, socket;
};
std::string successor_argument(const SuccessorOrder &order);
Result<SuccessorOrder> parse_successor_argument(std::string_view argument);

// In place of all other options: qemunit-companion tells systemd that this process is the service's
// main process.
inline constexpr std::string_view kMainPid = "--main-pid=";

// Takes over the fds.
Result<CompanionCommand> parse_companion_arguments(const std::vector<std::string> &arguments);

}  // namespace qemunit::helper
