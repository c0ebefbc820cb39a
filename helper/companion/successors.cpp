// SPDX-License-Identifier: MIT
#include "helper/companion/successors.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sched.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <utility>

namespace qemunit::helper {

namespace {

void complain_of_successor(const std::string &message) {
    fmt::print(stderr, "<3>qemunit-helper: {}\n", message);
}

struct HelperExec {
    std::vector<char *> argv;
    std::vector<int> fds;
    const sigset_t &mask;
    int error = 0;
};

// In the new process, whose handlers of signals are its own, and whose memory is not.
int exec_helper(void *userdata) {
    auto *exec = static_cast<HelperExec *>(userdata);
    for (int number : {SIGTERM, SIGINT, SIGHUP, SIGPIPE, SIGABRT})
        std::signal(number, SIG_DFL);
    sigprocmask(SIG_SETMASK, &exec->mask, nullptr);
    for (const int fd : exec->fds)
        fcntl(fd, F_SETFD, 0);
    execv(exec->argv.front(), exec->argv.data());
    exec->error = errno;
    return EXIT_FAILURE;
}

void use(SuccessorEnds &ends, CompanionSetup &setup) {
    if (ends.process <= 1)
        return;
    setup.qemu = ends.process;
    const auto take = [&](const std::string &name, UniqueFd &place) {
        if (auto node = ends.fds.extract(name); !node.empty())
            place = std::move(node.mapped());
    };
    take(kQmpFd, setup.qmp);
    for (PortEnd &port : setup.ports)
        take(guest_fd(port.name), port.guest);
    if (setup.agent)
        take(guest_fd(kAgentPort), setup.agent->guest);
}

}  // namespace

Successors::Successors(const std::string &companion, CompanionCommand &command)
    : program_(companion.substr(0, companion.rfind('/') + 1) + "qemunit-helper"),
      words_(command.words) {
    sigprocmask(SIG_BLOCK, nullptr, &mask_);
    for (auto fd = command.fds.begin(); fd != command.fds.end();) {
        const auto found = fd++;
        if (found->first.starts_with(kKeptFd))
            kept_.insert(command.fds.extract(found));
    }
    int ends[2];
    if (!kept_.empty() && socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) == 0) {
        ours_.reset(ends[0]);
        theirs_.reset(ends[1]);
    }
    for (const auto &[name, fd] : kept_)
        fcntl(fd.get(), F_SETFD, FD_CLOEXEC);
}

void Successors::enter(CompanionSetup &setup, const Handover &handover) {
    use(current_, setup);
    if (handover.has_succeeded)
        use(next_, setup);
    setup.successors = std::move(theirs_);
    kept_.clear();
    ours_.reset();
    current_ = {};
    next_ = {};
}

void Successors::serve(Handover &handover) {
    while (auto request = receive_request(ours_.get()))
        switch (request->kind) {
            case SuccessorRequest::Kind::start:
                start(std::move(*request), handover);
                break;
            case SuccessorRequest::Kind::adopt:
                adopt(std::move(*request), handover);
                break;
            case SuccessorRequest::Kind::drop:
                kept_.erase(kept_image_fd(request->set));
                break;
        }
}

// As qemunit-helper starts its companion: the new process is systemd's child, which becomes the
// service's main process.
void Successors::start(SuccessorRequest request, Handover &handover) {
    const auto order = parse_successor_argument(successor_argument(request.order));
    if (!order)
        return complain_of_successor("no new QEMU: " + order.error().message);
    HelperExec exec{{}, {}, mask_};
    for (const auto *fds : {&kept_, &request.fds})
        for (const auto &[name, fd] : *fds)
            exec.fds.push_back(fd.get());
    std::vector<std::string> words{program_, successor_argument(*order),
                                   fmt::format("--qemu={}", request.process)};
    for (const auto *fds : {&kept_, &request.fds})
        for (const auto &[name, fd] : *fds)
            words.push_back(fmt::format("--fd={}:{}", name, fd.get()));
    words.insert(words.end(), words_.begin(), words_.end());
    for (std::string &word : words)
        exec.argv.push_back(word.data());
    exec.argv.push_back(nullptr);
    alignas(16) std::array<std::byte, std::size_t{64} << 10> stack;
    const pid_t process = clone(exec_helper, stack.data() + stack.size(),
                                CLONE_PARENT | CLONE_VM | CLONE_VFORK | SIGCHLD, &exec);
    if (process < 0)
        complain_of_successor(fmt::format("cannot fork for a new QEMU: {}", std::strerror(errno)));
    else if (exec.error != 0)
        complain_of_successor(
            fmt::format("cannot run {}: {}", program_, std::strerror(exec.error)));
    else  // for the next companion, should this one not live to hear of it
        handover.successor = process;
}

// The companion waits for the answer before anything else happens.
void Successors::adopt(SuccessorRequest request, Handover &handover) {
    if (std::exchange(handover.has_succeeded, false))
        current_ = std::move(next_);
    next_ = {.process = request.process, .fds = std::move(request.fds)};
    constexpr char kDone = '\n';
    if (send(ours_.get(), &kDone, sizeof kDone, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
        complain_of_successor("a companion does not hear its supervisor");
}

}  // namespace qemunit::helper
