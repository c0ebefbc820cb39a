// SPDX-License-Identifier: MIT
#include "helper/machine/varlink.h"

#include <poll.h>
#include <sys/socket.h>
#include <time.h>

#include <algorithm>

#include "common/qmp/qmp_client.h"
#include "common/time_units.h"

namespace qemunit::helper {

namespace {

constexpr std::size_t kMessageMax = 64 * 1024;  // bytes
constexpr uint64_t kSendUsec = 10 * kSecond;

uint64_t now() {
    timespec time{};
    clock_gettime(CLOCK_MONOTONIC, &time);
    return static_cast<uint64_t>(time.tv_sec) * kSecond +
           static_cast<uint64_t>(time.tv_nsec) / 1000;
}

}  // namespace

Result<Varlink> Varlink::connect(const std::string &path) {
    auto fd = connect_unix(path);
    if (!fd)
        return std::unexpected(fd.error());
    return Varlink(std::move(*fd));
}

Result<> Varlink::wait_for(short events, uint64_t until) const {
    for (;;) {
        const uint64_t time = now();
        if (time >= until)
            return fail_errno(ETIMEDOUT, "no answer by Varlink");
        pollfd waiting{fd_.get(), events, 0};
        const uint64_t wait = std::min<uint64_t>(until - time, 60 * kSecond) / kMillisecond + 1;
        const int r = poll(&waiting, 1, static_cast<int>(wait));
        if (r > 0)
            return {};
        if (r < 0 && errno != EINTR)
            return fail_errno(errno, "cannot wait for a Varlink connection");
    }
}

Result<> Varlink::send(const nlohmann::json &message) {
    const std::string bytes = json_text(message) + '\0';
    std::string_view rest = bytes;
    const uint64_t until = now() + kSendUsec;
    while (!rest.empty()) {
        const ssize_t n = ::send(fd_.get(), rest.data(), rest.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n >= 0) {
            rest.remove_prefix(static_cast<std::size_t>(n));
        } else if (errno == EAGAIN) {
            if (auto waited = wait_for(POLLOUT, until); !waited)
                return waited;
        } else if (errno != EINTR) {
            return fail_errno(errno, "cannot write to a Varlink connection");
        }
    }
    return {};
}

Result<std::optional<nlohmann::json>> Varlink::receive(uint64_t usec) {
    const uint64_t until = now() + usec;
    for (;;) {
        if (const std::size_t end = received_.find('\0'); end != received_.npos) {
            nlohmann::json message = parse_json(std::string_view(received_).substr(0, end));
            received_.erase(0, end + 1);
            if (!message.is_object())
                return fail(EBADMSG, "what came by Varlink is no JSON object");
            return message;
        }
        if (received_.size() > kMessageMax)
            return fail(EMSGSIZE, "a message by Varlink is too long");
        char buffer[4096];
        const ssize_t n = recv(fd_.get(), buffer, sizeof buffer, MSG_DONTWAIT);
        if (n > 0) {
            received_.append(buffer, static_cast<std::size_t>(n));
        } else if (n == 0) {
            return std::nullopt;
        } else if (errno == EAGAIN) {
            if (auto waited = wait_for(POLLIN, until); !waited)
                return std::unexpected(waited.error());
        } else if (errno != EINTR) {
            return fail_errno(errno, "cannot read from a Varlink connection");
        }
    }
}

}  // namespace qemunit::helper
