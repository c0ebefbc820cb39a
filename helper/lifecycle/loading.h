// SPDX-License-Identifier: MIT
//
// Loads a saved state into a QEMU that waits for one (-incoming defer). Part of the companion.
// Never lets the guest run.
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
#include "helper/lifecycle/hardware.h"
#include "helper/lifecycle/image_marks.h"
#include "helper/lifecycle/state_header.h"

namespace qemunit::helper {

class Loading {
  public:
    // Why the state was not loaded: it does not fit QEMU, which has said so, or has other hardware;
    // or the images have changed; or the state is not at fault.
    enum class Fault { none, refused, unfit };

    // `on_given` is called right before QEMU gets the state. `images`: as they are now.
    Loading(sd_event *event, QmpClient &qmp, const SavedState &saved, ImageMarks images,
            std::function<void()> on_given)
        : event_(event),
          qmp_(qmp),
          saved_(saved),
          images_(std::move(images)),
          on_given_(std::move(on_given)) {}

    // Also where a companion that was killed may have begun. `done` is called once: the guest
    // stands where it was saved, or the state was not loaded. A QEMU that cannot load the state
    // ends by itself.
    void begin(std::function<void(Result<>)> done);
    // The state's header, from `on_given` on; empty if the state has none, or if another companion
    // has loaded it.
    const std::optional<StateHeader> &header() const { return header_; }
    // The hardware that QEMU began with, before media were taken out. Empty where header() is.
    const std::optional<Hardware> &started() const { return started_; }
    // When `done` has got an error.
    Fault fault() const { return fault_; }

  private:
    void look();
    void look_again();
    void look_for_beginning();
    void read_header();
    void compare(const Hardware &started);
    void take_out(std::set<std::string> drives);
    void send_file();
    void load(const nlohmann::json &source);
    void give(nlohmann::json source);
    void give_up(std::string_view command, const std::string &why, Fault fault = Fault::none);

    sd_event *event_;
    QmpClient &qmp_;
    const SavedState &saved_;
    const ImageMarks images_;
    std::function<void()> on_given_;
    std::function<void(Result<>)> done_;
    EventSourcePtr next_look_;
    UniqueFd file_;
    std::optional<StateHeader> header_;
    std::optional<Hardware> started_;
    bool has_begun_ = false;
    Fault fault_ = Fault::none;
};

}  // namespace qemunit::helper
