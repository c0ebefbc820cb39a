// SPDX-License-Identifier: MIT
#include "ctl/view/view_session.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>

#include "common/signals.h"
#include "ctl/vm/vm_bus.h"
#include "ctl/vm/whole_file.h"

namespace qemunit::ctl {

namespace {

using Protocol = ScreenSocket::Protocol;

// A SPICE client has a connection for each of its channels.
constexpr int kBacklog = 16;

Result<pid_t> spawn_viewer(const std::vector<std::string> &command) {
    posix_spawnattr_t attributes;
    posix_spawnattr_init(&attributes);
    sigset_t none;
    sigemptyset(&none);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
    std::vector<char *> words;
    for (const std::string &word : command)
        words.push_back(const_cast<char *>(word.c_str()));
    words.push_back(nullptr);
    pid_t pid = -1;
    const int error = posix_spawn(&pid, words.front(), nullptr, &attributes, words.data(), environ);
    posix_spawnattr_destroy(&attributes);
    if (error != 0)
        return fail_errno(error, "cannot run " + command.front());
    return pid;
}

int exit_code_of(int status) {
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

}  // namespace

Result<std::unique_ptr<ViewSession>> ViewSession::open(sd_bus *bus, std::string vm,
                                                       ScreenSocket screen, Viewer viewer) {
    std::unique_ptr<ViewSession> session(
        new ViewSession(bus, std::move(vm), std::move(screen), std::move(viewer)));
    sd_event *event = nullptr;
    if (int r = sd_event_new(&event); r < 0)
        return fail_errno(r, "cannot create the event loop");
    session->event_.reset(event);
    auto listening =
        session->viewer_.takes_path ? session->listen_on_path() : session->listen_on_port();
    if (!listening)
        return std::unexpected(listening.error());
    return session;
}

ViewSession::~ViewSession() {
    end_viewer();
    if (!folder_.empty()) {
        unlink(place_.c_str());
        rmdir(folder_.c_str());
    }
}

// In a folder that is this user's alone.
Result<> ViewSession::listen_on_path() {
    const char *runtime = getenv("XDG_RUNTIME_DIR");
    std::string folder =
        std::string(runtime && *runtime == '/' ? runtime : "/tmp") + "/qemunit-view.XXXXXX";
    if (!mkdtemp(folder.data()))
        return fail_errno(errno, "cannot make the folder " + folder);
    folder_ = folder;
    place_ = folder_ + "/screen.sock";
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (place_.size() >= sizeof address.sun_path)
        return fail(ENAMETOOLONG, place_ + " is too long for a socket");
    place_.copy(address.sun_path, place_.size());
    listener_.reset(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!listener_ ||
        bind(listener_.get(), reinterpret_cast<const sockaddr *>(&address), sizeof address) != 0 ||
        listen(listener_.get(), kBacklog) != 0)
        return fail_errno(errno, "cannot listen on " + place_);
    return {};
}

Result<> ViewSession::listen_on_port() {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto *raw = reinterpret_cast<sockaddr *>(&address);
    listener_.reset(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!listener_ || bind(listener_.get(), raw, size) != 0 ||
        listen(listener_.get(), kBacklog) != 0 || getsockname(listener_.get(), raw, &size) != 0)
        return fail_errno(errno, "cannot listen on 127.0.0.1");
    port_ = ntohs(address.sin_port);
    place_ = std::to_string(port_);
    return {};
}

Result<> ViewSession::start_viewer() {
    auto pid = spawn_viewer(viewer_command(viewer_, screen_, vm_, place_));
    if (!pid)
        return std::unexpected(pid.error());
    pid_ = *pid;
    process_.reset(static_cast<int>(syscall(SYS_pidfd_open, pid_, 0)));
    if (!process_)
        return fail_errno(errno, "cannot watch the viewer");
    auto watch = FdWatch::create(event_.get(), process_.get(), EPOLLIN, "the viewer",
                                 [this](uint32_t) { take_end(); });
    if (!watch)
        return std::unexpected(watch.error());
    process_watch_ = std::move(*watch);
    return {};
}

Result<int> ViewSession::run() {
    auto ready = watch_signals(event_.get(), {SIGTERM, SIGINT, SIGHUP}, [this] {
        exit_code_ = 1;
        sd_event_exit(event_.get(), 0);
    });
    if (!ready)
        return std::unexpected(ready.error());
    auto watch = FdWatch::create(event_.get(), listener_.get(), EPOLLIN, "the viewer's socket",
                                 [this](uint32_t) { accept_one(); });
    if (!watch)
        return std::unexpected(watch.error());
    listener_watch_ = std::move(*watch);
    if (auto started = start_viewer(); !started)
        return std::unexpected(started.error());
    sd_event_loop(event_.get());
    end_viewer();
    if (failure_)
        return std::unexpected(*failure_);
    return exit_code_;
}

void ViewSession::accept_one() {
    sockaddr_in peer{};
    socklen_t size = sizeof peer;
    UniqueFd fd(accept4(listener_.get(), port_ ? reinterpret_cast<sockaddr *>(&peer) : nullptr,
                        port_ ? &size : nullptr, SOCK_CLOEXEC));
    if (!fd)
        return;
    // To a port, any user of this host can connect.
    if (port_) {
        const auto table = read_whole("/proc/net/tcp");
        const auto owner = owner_of_connection(table.value_or(""), ntohs(peer.sin_port), port_);
        if (owner != geteuid())
            return;
    }
    if (auto handed = hand_over(fd.get()); !handed) {
        failure_ = handed.error();
        sd_event_exit(event_.get(), 0);
    }
}

// QEMU keeps it under that name until add_client takes it.
Result<> ViewSession::hand_over(int fd) {
    const std::string name = fmt::format("qemunit-view-{}-{}", getpid(), ++connections_);
    auto pass = new_vm_call(bus_, vm_, "PassFD");
    if (!pass)
        return std::unexpected(pass.error());
    if (int r = sd_bus_message_append(pass->get(), "sh", name.c_str(), fd); r < 0)
        return fail_errno(r, "cannot send a connection over D-Bus");
    if (auto passed = call(bus_, pass->get(), vm_); !passed)
        return std::unexpected(passed.error());
    const std::string arguments =
        fmt::format(R"({{"protocol": "{}", "fdname": "{}", "skipauth": true}})",
                    screen_.protocol == Protocol::vnc ? "vnc" : "spice", name);
    if (auto added = ask_vm(bus_, vm_, "Execute", {"add_client", arguments}); !added)
        return std::unexpected(added.error());
    return {};
}

void ViewSession::take_end() {
    int status = 0;
    if (waitpid(pid_, &status, WNOHANG) != pid_)
        return;
    pid_ = -1;
    exit_code_ = exit_code_of(status);
    sd_event_exit(event_.get(), 0);
}

void ViewSession::end_viewer() {
    if (pid_ <= 0)
        return;
    kill(pid_, SIGTERM);
    while (waitpid(pid_, nullptr, 0) < 0 && errno == EINTR)
        continue;
    pid_ = -1;
}

Result<int> run_viewer(const std::vector<std::string> &command) {
    const auto pid = spawn_viewer(command);
    if (!pid)
        return std::unexpected(pid.error());
    int status = 0;
    while (waitpid(*pid, &status, 0) < 0)
        if (errno != EINTR)
            return fail_errno(errno, "cannot wait for " + command.front());
    return exit_code_of(status);
}

}  // namespace qemunit::ctl
