// SPDX-License-Identifier: MIT
#include "ctl/ssh/guest_connection.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/vm_sockets.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>

#include <algorithm>
#include <cstring>
#include <ctime>
#include <string_view>

namespace qemunit::ctl {

namespace {

// How often a way is tried anew. A connection may hang: a packet was lost while the guest booted.
constexpr uint64_t kBetweenTries = kSecond / 4, kLongestTry = 10 * kSecond;
constexpr std::string_view kGreeting = "SSH-";

uint64_t now_usec() {
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC, &now);
    return static_cast<uint64_t>(now.tv_sec) * kSecond + static_cast<uint64_t>(now.tv_nsec) / 1000;
}

struct Try {
    Way way;
    UniqueFd fd;
    uint64_t until = 0;
    bool is_connected = false;
    std::string fault;
};

void begin(Try &attempt, uint64_t now) {
    attempt.until = now + kLongestTry;
    attempt.is_connected = false;
    const int family = attempt.way.address.ss_family;
    attempt.fd = UniqueFd(socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (attempt.fd &&
        connect(attempt.fd.get(), reinterpret_cast<const sockaddr *>(&attempt.way.address),
                attempt.way.length) != 0 &&
        errno != EINPROGRESS) {
        attempt.fault = std::strerror(errno);
        attempt.fd = {};
    }
}

void give_up(Try &attempt, std::string why) {
    attempt.fault = std::move(why);
    attempt.fd = {};
}

// Whether the server's greeting has come.
bool has_answered(Try &attempt) {
    if (!attempt.is_connected) {
        int error = 0;
        socklen_t size = sizeof error;
        if (getsockopt(attempt.fd.get(), SOL_SOCKET, SO_ERROR, &error, &size) != 0 || error != 0) {
            give_up(attempt, std::strerror(error));
            return false;
        }
        attempt.is_connected = true;
    }
    char bytes[kGreeting.size()];
    const ssize_t n = recv(attempt.fd.get(), bytes, sizeof bytes, MSG_PEEK | MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return false;
    if (n <= 0) {
        give_up(attempt, n < 0 ? std::strerror(errno) : "nobody listens there in the guest");
        return false;
    }
    const std::string_view got(bytes, static_cast<std::size_t>(n));
    if (!kGreeting.starts_with(got)) {
        give_up(attempt, "what answers there is no SSH server");
        return false;
    }
    return got.size() == kGreeting.size();
}

Error timeout_error(const std::vector<Try> &tries, uint64_t timeout_usec) {
    std::string tried;
    for (const Try &attempt : tries)
        tried += fmt::format("{}{} ({})", tried.empty() ? "" : ", ", attempt.way.text,
                             attempt.fault.empty() ? "no answer" : attempt.fault);
    return {ETIMEDOUT, fmt::format("no SSH server of the guest has answered within {} s; tried: {}",
                                   timeout_usec / kSecond, tried.empty() ? "nothing" : tried)};
}

}  // namespace

Way vsock_way(unsigned cid, unsigned port) {
    Way way{.text = fmt::format("vsock:{}:{}", cid, port)};
    sockaddr_vm address{};
    address.svm_family = AF_VSOCK;
    address.svm_cid = cid;
    address.svm_port = port;
    std::memcpy(&way.address, &address, sizeof address);
    way.length = sizeof address;
    return way;
}

Result<Way> tcp_way(const std::string &text, unsigned port) {
    Way way{.text = text.contains(':') ? fmt::format("[{}]:{}", text, port)
                                       : fmt::format("{}:{}", text, port)};
    sockaddr_in four{};
    if (inet_pton(AF_INET, text.c_str(), &four.sin_addr) == 1) {
        four.sin_family = AF_INET;
        four.sin_port = htons(static_cast<uint16_t>(port));
        std::memcpy(&way.address, &four, sizeof four);
        way.length = sizeof four;
        return way;
    }
    sockaddr_in6 six{};
    const std::size_t percent = std::min(text.find('%'), text.size());
    if (inet_pton(AF_INET6, text.substr(0, percent).c_str(), &six.sin6_addr) != 1)
        return fail(EINVAL, fmt::format("'{}' is no address", text));
    if (percent < text.size())
        six.sin6_scope_id = if_nametoindex(text.substr(percent + 1).c_str());
    six.sin6_family = AF_INET6;
    six.sin6_port = htons(static_cast<uint16_t>(port));
    std::memcpy(&way.address, &six, sizeof six);
    way.length = sizeof six;
    return way;
}

Result<UniqueFd> connect_to_guest(const std::function<Result<std::vector<Way>>()> &ways,
                                  uint64_t timeout_usec) {
    const uint64_t deadline = now_usec() + timeout_usec;
    std::vector<Try> tries;
    for (uint64_t next_round = 0;;) {
        const uint64_t now = now_usec();
        if (now >= deadline)
            return std::unexpected(timeout_error(tries, timeout_usec));
        if (now >= next_round) {
            next_round = now + kBetweenTries;
            auto known = ways();
            if (!known)
                return std::unexpected(known.error());
            for (Way &way : *known)
                if (std::ranges::find(tries, way, &Try::way) == tries.end())
                    tries.push_back({.way = std::move(way), .fd = {}, .fault = {}});
            for (Try &attempt : tries) {
                if (attempt.fd && now >= attempt.until)
                    give_up(attempt, "no answer");
                if (!attempt.fd)
                    begin(attempt, now);
            }
        }
        std::vector<pollfd> waiting;
        std::vector<Try *> of_waiting;
        for (Try &attempt : tries)
            if (attempt.fd) {
                waiting.push_back({attempt.fd.get(),
                                   static_cast<short>(attempt.is_connected ? POLLIN : POLLOUT), 0});
                of_waiting.push_back(&attempt);
            }
        const uint64_t wait = std::min(next_round, deadline) - std::min(now, next_round);
        poll(waiting.data(), waiting.size(), static_cast<int>(wait / 1000) + 1);
        for (std::size_t i = 0; i < waiting.size(); ++i)
            if (waiting[i].revents != 0 && has_answered(*of_waiting[i]))
                return std::move(of_waiting[i]->fd);
    }
}

}  // namespace qemunit::ctl
