// SPDX-License-Identifier: MIT
//
// qemunit-usernet: ExecStart= of qemu-usernet@.service, and of a unit of `qemunitctl run`, the user
// network of one card of a VM outside of QEMU. Says to systemd that it is ready when the ports of
// its forwards are open. Each way it can fail is one sentence on standard error, which is the
// journal.
#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sysexits.h>
#include <unistd.h>

#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <string_view>

#include "common/paths.h"
#include "helper/start/listening_sockets.h"
#include "helper/usernet/usernet_server.h"

namespace {

using namespace qemunit;
using namespace qemunit::helper;

int complain(int exit_code, const Error &error) {
    fmt::print(stderr, "<3>qemunit-usernet: {}\n", error.message);
    return exit_code;
}

// What sd_notify(3) does, whose protocol is open to other implementations (its NOTES): to load
// libsystemd takes longer than the rest of a start, and a VM waits for it.
void tell_systemd(std::string_view message) {
    const char *path = std::getenv("NOTIFY_SOCKET");
    sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
    if (path == nullptr || std::strlen(path) >= sizeof address.sun_path)
        return;
    std::strcpy(address.sun_path, path);
    if (*path == '@')
        address.sun_path[0] = '\0';
    const UniqueFd fd(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    sendto(fd.get(), message.data(), message.size(), MSG_NOSIGNAL,
           reinterpret_cast<const sockaddr *>(&address),
           static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + std::strlen(path)));
}

}  // namespace

int main(int argc, char **argv) {
    const auto options = parse_usernet_options({argv + 1, argv + argc});
    if (!options)
        return complain(EX_USAGE, options.error());
    if (options->mode == UsernetOptions::Mode::help) {
        fmt::print("{}", usernet_help());
        return EXIT_SUCCESS;
    }
    if (options->mode == UsernetOptions::Mode::version) {
        fmt::print("qemunit-usernet {}\n", kVersion);
        return EXIT_SUCCESS;
    }
    // Without qemu-usernet@.socket, which somebody has masked, the network has no control socket.
    UniqueFd control;
    if (auto passed = take_passed_fds())
        if (auto given = passed->sockets.begin(); given != passed->sockets.end())
            control = std::move(given->second);
    auto server = options->connected
                      ? UsernetServer::of_connection(*options, UniqueFd(STDIN_FILENO))
                      : UsernetServer::open(*options, std::move(control));
    if (!server)
        return complain(EX_UNAVAILABLE, server.error());
    tell_systemd("READY=1");
    const auto ended = (*server)->run();
    return ended ? EXIT_SUCCESS : complain(EX_OSERR, ended.error());
}
