// SPDX-License-Identifier: MIT
#include "helper/usernet/usernet_server.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <ctime>

#include "common/concat.h"
#include "common/shared_names.h"
#include "common/usernet/options.h"

namespace qemunit::helper {

namespace {

int64_t now_ms() {
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC, &now);
    return int64_t{now.tv_sec} * 1000 + now.tv_nsec / 1'000'000;
}

Result<UniqueFd> listen_at(const std::string &path) {
    sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
    if (path.size() >= sizeof address.sun_path)
        return fail(ENAMETOOLONG, fmt::format("{}: too long for a socket", path));
    path.copy(address.sun_path, path.size());
    UniqueFd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    unlink(path.c_str());  // of a process that was killed
    if (!fd || bind(fd.get(), reinterpret_cast<const sockaddr *>(&address), sizeof address) != 0 ||
        listen(fd.get(), 8) != 0)
        return fail_errno(errno, fmt::format("cannot listen on {}", path));
    return fd;
}

}  // namespace

UsernetListener::UsernetListener(UniqueFd fd) : fd_(std::move(fd)) {
    take_reserve();
}

UniqueFd UsernetListener::accept() {
    constexpr int kFlags = SOCK_CLOEXEC | SOCK_NONBLOCK;
    UniqueFd client(accept4(fd_.get(), nullptr, nullptr, kFlags));
    if (!client && (errno == EMFILE || errno == ENFILE)) {
        reserve_.reset();
        client.reset(accept4(fd_.get(), nullptr, nullptr, kFlags));
    }
    return client;
}

void UsernetListener::take_reserve() {
    if (!reserve_)
        reserve_.reset(fcntl(fd_.get(), F_DUPFD_CLOEXEC, 0));
}

UsernetServer::UsernetServer(const UsernetOptions &options)
    : vm_(options.vm),
      network_name_(options.network),
      network_(options.settings, [this](Frame frame) { guest_.send(frame); }) {}

Result<std::unique_ptr<UsernetServer>> UsernetServer::open(const UsernetOptions &options,
                                                           UniqueFd control) {
    std::unique_ptr<UsernetServer> server(new UsernetServer(options));
    if (auto added = server->add_forwards(options.forwards); !added)
        return std::unexpected(added.error());
    auto guests = listen_at(concat(options.folder, "/", kUsernetStream));
    if (!guests)
        return std::unexpected(guests.error());
    auto lists = listen_at(concat(options.folder, "/", kUsernetList));
    if (!lists)
        return std::unexpected(lists.error());
    server->guests_ = UsernetListener(std::move(*guests));
    server->asked_.push_back({UsernetListener(std::move(*lists)), {}, /*may_change=*/false});
    if (control)
        server->asked_.push_back({UsernetListener(std::move(control)), {}, /*may_change=*/true});
    return server;
}

Result<std::unique_ptr<UsernetServer>> UsernetServer::of_connection(const UsernetOptions &options,
                                                                    UniqueFd qemu) {
    std::unique_ptr<UsernetServer> server(new UsernetServer(options));
    if (auto added = server->add_forwards(options.forwards); !added)
        return std::unexpected(added.error());
    struct stat info{};
    if (fstat(qemu.get(), &info) != 0 || !S_ISSOCK(info.st_mode) ||
        fcntl(qemu.get(), F_SETFL, O_NONBLOCK) != 0)
        return fail(ENOTSOCK, fmt::format("standard input is no socket; {} is for `qemunitctl run`",
                                          usernet_option::kConnected));
    server->guest_.connect(std::move(qemu));
    return server;
}

Result<> UsernetServer::add_forwards(const std::vector<HostForward> &forwards) {
    for (const HostForward &forward : forwards)
        if (auto added = network_.add_forward(forward); !added)
            return added;
    return {};
}

Result<std::string> UsernetServer::answer(const UsernetRequest &request, bool may_change) {
    if (request.kind == UsernetRequest::Kind::list)
        return fmt::format("user ({}):\n{}", network_name_, network_.connections());
    if (!may_change)
        return fail(EPERM, "this socket only lists");
    const auto done = request.kind == UsernetRequest::Kind::add
                          ? network_.add_forward(request.forward)
                          : network_.remove_forward(request.forward);
    if (!done)
        return std::unexpected(done.error());
    return "";
}

void UsernetServer::wait_for(int fd, short events) {
    fds_.push_back({.fd = fd, .events = events, .revents = 0});
}

short UsernetServer::happened(int fd) const {
    const auto found = std::ranges::find(fds_, fd, &pollfd::fd);
    return found == fds_.end() ? short{0} : found->revents;
}

int UsernetServer::time_for_clients(int timeout) {
    for (const Asked &asked : asked_)
        if (asked.client.is_there())
            timeout = static_cast<int>(
                std::clamp<int64_t>(asked.client.time_left(now_ms()), 0, int64_t{timeout}));
    return timeout;
}

void UsernetServer::serve_guest() {
    if (!guest_.is_connected()) {
        if (happened(guests_.fd()) != 0)
            if (UniqueFd client = guests_.accept())
                guest_.connect(std::move(client));
        return;
    }
    if (happened(guest_.fd()) & (POLLIN | POLLHUP | POLLERR))
        if (const auto received =
                guest_.receive([this](Frame frame) { network_.take_from_guest(frame); });
            !received)
            fmt::print(stderr, "<3>qemunit-usernet: QEMU of VM '{}' is hung up on: {}\n", vm_,
                       received.error().message);
    guest_.flush();
    if (!guest_.is_connected())
        guests_.take_reserve();
}

void UsernetServer::serve(Asked &asked) {
    if (!asked.client.is_there()) {
        if (happened(asked.listener.fd()) != 0)
            if (UniqueFd client = asked.listener.accept())
                asked.client.connect(std::move(client), now_ms());
        return;
    }
    if (happened(asked.client.fd()) != 0)
        asked.client.go_on(
            [&](const UsernetRequest &request) { return answer(request, asked.may_change); });
    else if (asked.client.time_left(now_ms()) <= 0)
        asked.client.leave();
    if (!asked.client.is_there())
        asked.listener.take_reserve();
}

Result<> UsernetServer::run() {
    for (;;) {
        fds_.clear();
        if (guest_.is_connected())
            wait_for(guest_.fd(),
                     static_cast<short>(POLLIN | (guest_.has_pending() ? POLLOUT : 0)));
        else if (guests_.fd() >= 0)
            wait_for(guests_.fd(), POLLIN);
        else
            return {};
        for (const Asked &asked : asked_)
            if (asked.client.is_there())
                wait_for(asked.client.fd(), asked.client.events());
            else
                wait_for(asked.listener.fd(), POLLIN);
        const int timeout = time_for_clients(network_.fill(fds_));
        const int count = ::poll(fds_.data(), fds_.size(), timeout);
        if (count < 0 && errno != EINTR)
            return fail_errno(errno, "cannot wait");
        network_.poll(fds_, count < 0);
        serve_guest();
        for (Asked &asked : asked_)
            serve(asked);
    }
}

}  // namespace qemunit::helper
