// SPDX-License-Identifier: MIT
#include "helper/usernet/slirp_network.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <ctime>
#include <limits>

#include "common/ascii.h"
#include "helper/usernet/loopback.h"

namespace qemunit::helper {

namespace {

constexpr int64_t kNsOfMs = 1'000'000;

int64_t now_ns() {
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC, &now);
    return int64_t{now.tv_sec} * 1000 * kNsOfMs + now.tv_nsec;
}

in_addr ipv4(const char *text) {
    in_addr address{};
    inet_pton(AF_INET, text, &address);
    return address;
}

in6_addr ipv6(const char *text) {
    in6_addr address{};
    inet_pton(AF_INET6, text, &address);
    return address;
}

// "": 0.0.0.0, which stands for all of the host's, and for the guest's own by DHCP.
in_addr address_of(const std::string &text) {
    return ipv4(text.empty() ? "0.0.0.0" : text.c_str());
}

// The defaults of QEMU's `-netdev user` (net_slirp_init() in net/slirp.c).
SlirpConfig config_of(const SlirpSettings &settings) {
    SlirpConfig config{};
    config.version = 4;
    config.restricted = settings.restricted;
    config.in_enabled = true;
    config.vnetwork = ipv4("10.0.2.0");
    config.vnetmask = ipv4("255.255.255.0");
    config.vhost = ipv4("10.0.2.2");
    config.vdhcp_start = ipv4("10.0.2.15");
    config.vnameserver = ipv4("10.0.2.3");
    config.in6_enabled = true;
    config.vprefix_addr6 = ipv6("fec0::");
    config.vprefix_len = 64;
    config.vhost6 = ipv6("fec0::2");
    config.vnameserver6 = ipv6("fec0::3");
    config.disable_host_loopback = !settings.host_loopback;
    return config;
}

struct EventPair {
    short of_poll;
    int of_slirp;
};
constexpr EventPair kEvents[] = {{POLLIN, SLIRP_POLL_IN},
                                 {POLLOUT, SLIRP_POLL_OUT},
                                 {POLLPRI, SLIRP_POLL_PRI},
                                 {POLLERR, SLIRP_POLL_ERR},
                                 {POLLHUP, SLIRP_POLL_HUP}};

int add_to_wait(int fd, int events, void *userdata) {
    auto &fds = *static_cast<std::vector<pollfd> *>(userdata);
    pollfd wait{.fd = fd, .events = 0, .revents = 0};
    for (const EventPair &event : kEvents)
        if (events & event.of_slirp)
            wait.events = static_cast<short>(wait.events | event.of_poll);
    fds.push_back(wait);
    return static_cast<int>(fds.size() - 1);
}

int happened_to(int index, void *userdata) {
    const auto &fds = *static_cast<const std::vector<pollfd> *>(userdata);
    const auto place = static_cast<std::size_t>(index);
    int events = 0;
    if (index >= 0 && place < fds.size())
        for (const EventPair &event : kEvents)
            if (fds[place].revents & event.of_poll)
                events |= event.of_slirp;
    return events;
}

}  // namespace

const SlirpCb SlirpNetwork::kCallbacks = {
    .send_packet = [](const void *bytes, std::size_t size, void *userdata) -> ssize_t {
        static_cast<SlirpNetwork *>(userdata)->to_guest_(
            {static_cast<const uint8_t *>(bytes), size});
        return static_cast<ssize_t>(size);
    },
    .guest_error = [](const char *, void *) {},  // a guest could fill the journal
    .clock_get_ns = [](void *) { return now_ns(); },
    .timer_new = nullptr,
    .timer_free =
        [](void *timer, void *userdata) {
            std::erase_if(static_cast<SlirpNetwork *>(userdata)->timers_,
                          [timer](const auto &known) { return known.get() == timer; });
        },
    .timer_mod = [](void *timer, int64_t when,
                    void *) { static_cast<Timer *>(timer)->when = when; },
    .register_poll_fd = [](int, void *) {},
    .unregister_poll_fd = [](int, void *) {},
    .notify = [](void *) {},  // nobody waits meanwhile
    .init_completed = [](Slirp *slirp,
                         void *userdata) { static_cast<SlirpNetwork *>(userdata)->slirp_ = slirp; },
    .timer_new_opaque = [](SlirpTimerId id, void *opaque, void *userdata) -> void * {
        auto &timers = static_cast<SlirpNetwork *>(userdata)->timers_;
        timers.push_back(std::make_unique<Timer>(id, opaque));
        return timers.back().get();
    },
};

SlirpNetwork::SlirpNetwork(const SlirpSettings &settings, std::function<void(Frame)> to_guest)
    : settings_(settings), to_guest_(std::move(to_guest)) {
    const SlirpConfig config = config_of(settings);
    slirp_ = slirp_new(&config, &kCallbacks, this);
}

SlirpNetwork::~SlirpNetwork() {
    slirp_cleanup(slirp_);
}

void SlirpNetwork::take_from_guest(Frame frame) {
    if (settings_.host_loopback || !is_for_loopback(frame))
        slirp_input(slirp_, frame.data(), static_cast<int>(frame.size()));
}

int SlirpNetwork::fill(std::vector<pollfd> &fds) {
    uint32_t timeout = std::numeric_limits<int32_t>::max();
#if SLIRP_CHECK_VERSION(4, 9, 0)
    slirp_pollfds_fill_socket(slirp_, &timeout, add_to_wait, &fds);
#else
    slirp_pollfds_fill(slirp_, &timeout, add_to_wait, &fds);
#endif
    const int64_t now = now_ns() / kNsOfMs;
    for (const auto &timer : timers_)
        if (timer->when >= 0)
            timeout =
                static_cast<uint32_t>(std::clamp<int64_t>(timer->when - now, 0, int64_t{timeout}));
    return static_cast<int>(timeout);
}

void SlirpNetwork::poll(const std::vector<pollfd> &fds, bool has_failed) {
    slirp_pollfds_poll(slirp_, has_failed, happened_to, const_cast<std::vector<pollfd> *>(&fds));
    run_timers();
}

void SlirpNetwork::run_timers() {
    const int64_t now = now_ns() / kNsOfMs;
    for (std::size_t i = 0; i < timers_.size(); ++i) {
        Timer &timer = *timers_[i];
        if (timer.when < 0 || timer.when > now)
            continue;
        timer.when = -1;
        slirp_handle_timer(slirp_, timer.id, timer.userdata);
    }
}

// QEMU's words, which people and programs know.
Result<> SlirpNetwork::add_forward(const HostForward &forward) {
    errno = 0;
    if (slirp_add_hostfwd(slirp_, forward.protocol == "udp", address_of(forward.host_address),
                          static_cast<int>(forward.host_port), address_of(forward.guest_address),
                          static_cast<int>(forward.guest_port)) == 0)
        return {};
    return fail_errno(errno != 0 ? errno : EIO,
                      fmt::format("Could not set up host forwarding rule '{}'", forward.text));
}

Result<> SlirpNetwork::remove_forward(const HostForward &forward) {
    if (slirp_remove_hostfwd(slirp_, forward.protocol == "udp", address_of(forward.host_address),
                             static_cast<int>(forward.host_port)) == 0)
        return {};
    return fail(ENOENT, fmt::format("host forwarding rule for {}:{}:{} not found", forward.protocol,
                                    forward.host_address, forward.host_port));
}

std::string SlirpNetwork::connections() const {
    const std::unique_ptr<char, decltype(&std::free)> text(slirp_connection_info(slirp_),
                                                           std::free);
    return text ? text.get() : "";
}

}  // namespace qemunit::helper
