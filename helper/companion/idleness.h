// SPDX-License-Identifier: MIT
//
// IdleTimeout= of [VM]: tells when nobody has used the VM for that long. A client of one of the
// VM's sockets uses the VM, and so does a connection through one of its forwards. QEMU has no
// events for these, so QEMU and its user networks are asked now and then; the companion ends the
// VM.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "common/event_ptr.h"
#include "common/qmp/qmp_client.h"
#include "common/qmp/usernet_question.h"

namespace qemunit::helper {

// What QEMU says, in its own forms.
// query-chardev: a client at a socket that QEMU serves, but for qemunitd's.
bool has_chardev_client(const nlohmann::json &chardevs);
// query-vnc.
bool has_vnc_client(const nlohmann::json &vnc);
// "info usernet": a TCP connection that came through a forward, which is to its port on the host.
// The guest's own connections do not count; what uses a UDP forward cannot be seen.
bool has_forwarded_connection(std::string_view info_usernet);

class Idleness {
  public:
    // `networks`: the sockets at which user networks list their connections. `is_used`: whether the
    // companion itself sees a user. `on_idle` is called once.
    Idleness(sd_event *event, QmpClient &qmp, uint64_t timeout_usec,
             std::vector<std::string> networks, std::function<bool()> is_used,
             std::function<void()> on_idle);

    // QEMU answers. Without a timeout, this does nothing.
    void start();

  private:
    void look();
    void ask_for_vnc();
    void ask_for_forwards();
    void ask_network(std::size_t index);
    void take_answer(bool is_used);

    sd_event *event_;
    QmpClient &qmp_;
    const uint64_t timeout_usec_;
    const std::vector<std::string> networks_;
    const std::function<bool()> is_used_;
    const std::function<void()> on_idle_;
    uint64_t last_use_ = 0;  // monotonic
    EventSourcePtr next_look_;
    std::unique_ptr<UsernetQuestion> question_;
};

}  // namespace qemunit::helper
