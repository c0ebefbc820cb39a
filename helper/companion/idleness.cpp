// SPDX-License-Identifier: MIT
#include "helper/companion/idleness.h"

#include <algorithm>
#include <string>

#include "common/qmp/user_networks.h"
#include "common/shared_names.h"
#include "common/timer.h"
#include "common/usernet/request.h"

namespace qemunit::helper {

namespace {

using nlohmann::json;

constexpr uint64_t kQuestionTimeout = 5 * kSecond;
// Often enough to see somebody who comes and goes, and no burden for QEMU.
constexpr uint64_t kLooks = 10;
constexpr uint64_t kShortestInterval = 1 * kSecond;
constexpr uint64_t kLongestInterval = 30 * kSecond;

}  // namespace

bool has_chardev_client(const json &chardevs) {
    if (!chardevs.is_array())
        return false;
    return std::ranges::any_of(chardevs, [](const json &chardev) {
        // "disconnected:unix:…,server=on" without a client (QEMU's chardev/char-socket.c); a
        // chardev that is no server is the companion's own.
        const std::string name = string_at(chardev, "filename");
        return string_at(chardev, "label") != kControlSocket &&
               name.find(",server") != std::string::npos && !name.starts_with("disconnected:");
    });
}

bool has_vnc_client(const json &vnc) {
    const auto clients = vnc.is_object() ? vnc.find("clients") : vnc.end();
    return clients != vnc.end() && clients->is_array() && !clients->empty();
}

bool has_forwarded_connection(std::string_view info_usernet) {
    for (const UserNetwork &network : parse_user_networks(info_usernet))
        for (const auto &forward : network.connections)
            if (forward.is_forward() && forward.protocol == "tcp" &&
                std::ranges::any_of(network.connections, [&](const auto &connection) {
                    return connection.protocol == "tcp" && !connection.is_forward() &&
                           connection.state != "TIME_WAIT" && connection.state != "CLOSED" &&
                           connection.source_port == forward.source_port;
                }))
                return true;
    return false;
}

Idleness::Idleness(sd_event *event, QmpClient &qmp, uint64_t timeout_usec,
                   std::vector<std::string> networks, std::function<bool()> is_used,
                   std::function<void()> on_idle)
    : event_(event),
      qmp_(qmp),
      timeout_usec_(timeout_usec),
      networks_(std::move(networks)),
      is_used_(std::move(is_used)),
      on_idle_(std::move(on_idle)) {}

void Idleness::start() {
    if (timeout_usec_ == 0)
        return;
    last_use_ = monotonic_now(event_);
    look();
}

void Idleness::look() {
    const uint64_t interval =
        std::clamp(timeout_usec_ / kLooks, kShortestInterval, kLongestInterval);
    if (auto timer = start_timer(event_, monotonic_now(event_) + interval, [this] { look(); }))
        next_look_ = std::move(*timer);
    if (is_used_()) {
        take_answer(true);
        return;
    }
    qmp_.execute("query-chardev", nullptr, kQuestionTimeout, [this](const QmpClient::Reply &reply) {
        if (!reply || has_chardev_client(*reply))
            take_answer(true);
        else
            ask_for_vnc();
    });
}

void Idleness::ask_for_vnc() {
    // An error: this QEMU has no VNC.
    qmp_.execute("query-vnc", nullptr, kQuestionTimeout, [this](const QmpClient::Reply &reply) {
        if (reply && has_vnc_client(*reply))
            take_answer(true);
        else
            ask_for_forwards();
    });
}

void Idleness::ask_for_forwards() {
    qmp_.execute(
        "human-monitor-command", {{"command-line", kUserNetworksCommand}}, kQuestionTimeout,
        [this](const QmpClient::Reply &reply) {
            if (reply && reply->is_string() && has_forwarded_connection(reply->get<std::string>()))
                take_answer(true);
            else
                ask_network(0);
        });
}

// A network that was killed has no connections; one that does not answer may have.
void Idleness::ask_network(std::size_t index) {
    if (index == networks_.size()) {
        take_answer(false);
        return;
    }
    question_ = std::make_unique<UsernetQuestion>(
        event_, networks_[index], usernet_line(UsernetRequest::Kind::list),
        monotonic_now(event_) + kQuestionTimeout, [this, index](const Result<std::string> &list) {
            if (list ? has_forwarded_connection(*list) : list.error().code == ETIMEDOUT)
                take_answer(true);
            else
                ask_network(index + 1);
        });
}

void Idleness::take_answer(bool is_used) {
    const uint64_t now = monotonic_now(event_);
    if (is_used || is_used_())
        last_use_ = now;
    if (now - last_use_ < timeout_usec_ || !next_look_)
        return;
    next_look_.reset();
    on_idle_();
}

}  // namespace qemunit::helper
