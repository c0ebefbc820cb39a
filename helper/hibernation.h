// SPDX-License-Identifier: MIT
//
// A machine's RAM and devices in a file, by QEMU's migration: unlike a snapshot it works with
// every format of disk, and QEMU answers meanwhile.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "common/event_ptr.h"
#include "common/qmp_client.h"
#include "common/result.h"
#include "helper/saved_state.h"

namespace qemunit {

// Saves. On the side of the companion.
class Hibernation {
  public:
    Hibernation(sd_event *event, QmpClient &qmp, std::string state_file)
        : event_(event), qmp_(qmp), state_file_(std::move(state_file)) {}

    // `done` is called once. If it was not saved, the guest runs again.
    void begin(std::function<void(Result<>)> done);
    // The same where another process may have begun it, and was killed: what is being written,
    // or was, is not written again.
    void go_on(std::function<void(Result<>)> done);
    void on_event(const QmpEvent &event);

    const std::string &state_file() const { return state_file_; }

  private:
    bool open_file(int flags);
    void save();
    void send_file();
    void set_up();
    void look_for_end();
    void migrate();
    void finish();
    void give_up(std::string why);
    void step(std::string_view command, nlohmann::json arguments, std::function<void()> next,
              UniqueFd fd = {});

    sd_event *event_;
    QmpClient &qmp_;
    std::string state_file_;
    std::function<void(Result<>)> done_;
    UniqueFd file_;
    bool was_running_ = false;
    bool migrates_ = false;
};

// Loads a saved state into a QEMU that waits for one (-incoming defer). On the side of the
// companion.
class Loading {
  public:
    Loading(sd_event *event, QmpClient &qmp, SavedState state)
        : event_(event), qmp_(qmp), state_(std::move(state)) {}

    // Also where another process may have begun it, and was killed. `done` is called once: the
    // guest stands where it was, or was never told to. A QEMU that cannot load the state ends by
    // itself.
    void begin(std::function<void(Result<>)> done);

  private:
    void look();
    void look_again();
    void look_for_beginning();
    void send_file();
    void load(nlohmann::json source);
    void give_up(std::string_view command, const QmpError &error);

    sd_event *event_;
    QmpClient &qmp_;
    SavedState state_;
    std::function<void(Result<>)> done_;
    EventSourcePtr next_look_;
    bool has_begun_ = false;
};

}  // namespace qemunit
