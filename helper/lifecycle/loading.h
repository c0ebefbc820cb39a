// SPDX-License-Identifier: MIT
//
// Loads a saved state into a QEMU that waits for one (-incoming defer). On the side of the
// companion. Never lets the guest run.
#pragma once

#include <functional>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "common/event_ptr.h"
#include "common/qmp/qmp_client.h"
#include "common/result.h"
#include "common/unique_fd.h"
#include "helper/handover/saved_state.h"
#include "helper/lifecycle/state_header.h"

namespace qemunit::helper {

class Loading {
  public:
    // `on_given`: right before QEMU is given the state: if it ends now, the state is the reason.
    Loading(sd_event *event, QmpClient &qmp, const SavedState &saved,
            std::function<void()> on_given)
        : event_(event), qmp_(qmp), saved_(saved), on_given_(std::move(on_given)) {}

    // Also where another process may have begun it, and was killed. `done` is called once: the
    // guest stands where it was, or was never told to. A QEMU that cannot load the state ends by
    // itself.
    void begin(std::function<void(Result<>)> done);
    // What the state tells of itself, from `on_given` on; none of one that has none, or that
    // another process has loaded.
    const std::optional<StateHeader> &header() const { return header_; }
    // What QEMU began with, before anything was taken out of it. Like header().
    const std::optional<Hardware> &started() const { return started_; }

  private:
    void look();
    void look_again();
    void look_for_beginning();
    void read_header();
    void compare(const Hardware &started);
    void take_out(std::set<std::string> drives);
    void send_file();
    void load(nlohmann::json source);
    void give_up(std::string_view command, const std::string &why);

    sd_event *event_;
    QmpClient &qmp_;
    const SavedState &saved_;
    std::function<void()> on_given_;
    std::function<void(Result<>)> done_;
    EventSourcePtr next_look_;
    UniqueFd file_;
    std::optional<StateHeader> header_;
    std::optional<Hardware> started_;
    bool has_begun_ = false;
};

}  // namespace qemunit::helper
