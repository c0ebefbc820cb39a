// SPDX-License-Identifier: MIT
#include "helper/start/incoming.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <ctime>

#include "common/shared_names.h"
#include "common/vm_name.h"

namespace qemunit::helper {

namespace {

constexpr int kConnectionTimeout = 10'000;  // ms
constexpr std::size_t kIncomingLineMax = 16u << 10;

bool is_machine_name(std::string_view text) {
    return !text.empty() && text.size() < 64 && std::ranges::all_of(text, [](char c) {
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
               c == '-' || c == '.' || c == '_';
    });
}

int64_t now_ms() {
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC, &now);
    return int64_t{now.tv_sec} * 1000 + now.tv_nsec / 1'000'000;
}

bool wait_for_input(int fd, int64_t until) {
    pollfd waiting{fd, POLLIN, 0};
    int r = 0;
    do {
        r = poll(&waiting, 1, static_cast<int>(std::max<int64_t>(until - now_ms(), 0)));
    } while (r < 0 && errno == EINTR);
    return r > 0;
}

// The companion shuts the listening socket down when the guest runs, which the socket itself
// remembers, whoever else has it open (unix_shutdown() in net/unix/af_unix.c of Linux).
bool is_spent(int listener) {
    pollfd state{listener, 0, 0};
    return poll(&state, 1, 0) > 0 && (state.revents & POLLHUP) != 0;
}

// A byte at a time: what comes behind the line is for others.
Result<std::string> read_line(int fd, int64_t until) {
    std::string line;
    for (char byte = 0; line.size() < kIncomingLineMax; line += byte) {
        if (!wait_for_input(fd, until))
            return fail(ETIMEDOUT, "`qemunitctl receive` does not say what is to come");
        if (recv(fd, &byte, 1, 0) != 1)
            return fail(ECONNRESET, "`qemunitctl receive` has ended");
        if (byte == '\n')
            return line;
    }
    return fail(EPROTO, "what `qemunitctl receive` says has no end");
}

}  // namespace

Result<IncomingVm> parse_incoming(std::string_view line) {
    std::vector<std::string> words;
    while (!line.empty()) {
        const std::size_t end = std::min(line.find(' '), line.size());
        words.emplace_back(line.substr(0, end));
        line.remove_prefix(std::min(end + 1, line.size()));
    }
    IncomingVm incoming;
    if (words.size() < 5 || words.size() > 6 || !is_move_token(words[0]) || !is_vm_name(words[1]) ||
        !is_move_word(words[2]) || !is_machine_name(words[3]) ||
        (words[4] != "kvm" && words[4] != "tcg"))
        return fail(EPROTO, "what `qemunitctl receive` says is no VM");
    incoming.move = {words[0], words[2], words[1]};
    incoming.machine = words[3];
    incoming.accelerator = words[4];
    if (words.size() == 6)
        incoming.copies = parse_copied_images(words[5]);
    if (words.size() == 6 && incoming.copies.empty())
        return fail(EPROTO, "what `qemunitctl receive` says of the disks cannot be understood");
    return incoming;
}

Result<std::optional<IncomingVm>> take_incoming(ListeningSockets &sockets) {
    auto node = sockets.extract(std::string(kMigrateSocket));
    if (node.empty())
        return std::nullopt;
    UniqueFd listener = std::move(node.mapped());
    if (is_spent(listener.get())) {
        sockets.erase(std::string(kCopySocket));
        return std::nullopt;
    }
    const int64_t until = now_ms() + kConnectionTimeout;
    if (!wait_for_input(listener.get(), until))
        return fail(ETIMEDOUT,
                    "the VM is to come from another host, and nothing comes; if it does not run "
                    "there any more, stop its qemu-migrate@.socket, and it boots");
    UniqueFd connection(accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (!connection)
        return fail_errno(errno, "cannot take the connection of `qemunitctl receive`");
    const auto line = read_line(connection.get(), until);
    if (!line)
        return std::unexpected(line.error());
    auto incoming = parse_incoming(*line);
    if (!incoming)
        return std::unexpected(incoming.error());
    incoming->connection = std::move(connection);
    incoming->listener = std::move(listener);
    if (auto copies = sockets.extract(std::string(kCopySocket)); !copies.empty())
        incoming->copy_listener = std::move(copies.mapped());
    if (!incoming->copies.empty() && !incoming->copy_listener)
        return fail(ENOTCONN,
                    "systemd has not passed migrate-disks.sock, which the disks are to come by");
    return std::optional(std::move(*incoming));
}

Result<> take_over_machine(const IncomingVm &incoming, std::vector<std::string> &command,
                           bool uses_kvm) {
    if (uses_kvm != (incoming.accelerator == "kvm"))
        return fail(ENOTSUP, fmt::format("the guest runs by {} on {}, and would by {} here; "
                                         "Accelerator= in both ini files has to be the same",
                                         uses_kvm ? "emulation (TCG)" : "KVM", incoming.move.host,
                                         uses_kvm ? "KVM" : "emulation (TCG)"));
    const auto option = std::ranges::find(command, "-machine");
    if (option == command.end() || option + 1 == command.end())
        return fail(EINVAL, "QEMU's command line has no -machine");
    std::string &machine = *(option + 1);
    machine.replace(0, std::min(machine.find(','), machine.size()), incoming.machine);
    return {};
}

}  // namespace qemunit::helper
