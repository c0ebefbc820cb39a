// SPDX-License-Identifier: MIT
//
// Saves a machine's RAM and devices in a file, by QEMU's migration: unlike a snapshot it works with
// every format of disk, and QEMU answers meanwhile. Part of the companion, for Stopping. Never lets
// the guest run again: the caller does, who is told if the machine was not saved.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "common/event_ptr.h"
#include "common/qmp/qmp_client.h"
#include "common/result.h"
#include "common/time_units.h"
#include "helper/handover/saved_state.h"
#include "helper/handover/supervision.h"
#include "helper/lifecycle/file_sync.h"
#include "helper/lifecycle/hardware.h"
#include "helper/lifecycle/image_marks.h"
#include "helper/lifecycle/outgoing_migration.h"

namespace qemunit::helper {

class Hibernation {
  public:
    // `qemu`: the process. `patience_usec`: how long nothing may move before saving is given up.
    // `on_progress`: something has moved. `handover` has the hardware that QEMU began with.
    Hibernation(sd_event *event, QmpClient &qmp, const SavedState &saved, pid_t qemu,
                const Handover &handover, uint64_t patience_usec, std::function<void()> on_progress)
        : event_(event),
          qmp_(qmp),
          saved_(saved),
          qemu_(qemu),
          handover_(handover),
          patience_usec_(patience_usec),
          on_progress_(std::move(on_progress)),
          migration_(event, qmp) {}

    // `done` is called once, within `patience_usec` after the last progress. If the machine was not
    // saved, the guest stands still, or soon will.
    void begin(std::function<void(Result<>)> done);
    // The same where a companion that was killed may have begun: a state that is being written, or
    // is written, is not written again.
    void go_on(std::function<void(Result<>)> done);
    void on_event(const QmpEvent &event);
    // Where the images are to be looked at when the machine is saved.
    void look_at_images_by(std::function<ImageMarks()> look) { look_at_images_ = std::move(look); }
    // The guest goes on in this process.
    void set_process(pid_t qemu) { qemu_ = qemu; }
    // The whole state has come from QEMU, which is not needed any more.
    bool is_writing() const { return sync_ != nullptr; }
    // False if saving was given up before that.
    bool may_have_stopped_guest() const { return may_have_stopped_guest_; }

  private:
    void start(std::function<void(Result<>)> done);
    void progressed();
    bool open_file(int flags);
    void save();
    void wait_for_backup();
    void look_at_hardware();
    void check_hardware(std::function<void(const Hardware &)> next);
    void look_for_room();
    void create_file();
    void send_file();
    void look_again();
    void look_for_end();
    void migrate();
    OutgoingMigration::Callbacks follow();
    void look_at_size();
    void complete();
    void write_header();
    void write_to_disk();
    void keep();
    void end(Result<> result);
    void give_up(std::string why);
    void ask(std::string_view command, nlohmann::json arguments,
             std::function<void(const QmpClient::Reply &)> next, UniqueFd fd = {});
    void step(std::string_view command, nlohmann::json arguments, std::function<void()> next,
              UniqueFd fd = {});

    sd_event *event_;
    QmpClient &qmp_;
    const SavedState &saved_;
    pid_t qemu_;
    const Handover &handover_;
    uint64_t patience_usec_;
    std::function<void()> on_progress_;
    std::function<ImageMarks()> look_at_images_;
    std::function<void(Result<>)> done_;  // empty: saving has not begun, or has ended
    UniqueFd file_;
    std::unique_ptr<FileSync> sync_;
    EventSourcePtr stalled_, next_look_;
    std::optional<Hardware> hardware_;  // of the machine that is saved
    OutgoingMigration migration_;
    unsigned saves_ = 0;              // answers that an earlier one has asked for are of no use
    unsigned looks_at_hardware_ = 0;  // of those while QEMU migrates, the last one counts
    unsigned looks_for_backup_ = 0;
    uint64_t size_ = 0;  // bytes of the file
    bool may_have_stopped_guest_ = false;
    bool looks_again_ = false;  // at the hardware, since QEMU migrates
    bool is_complete_ = false;  // all of the machine is in the file
};

}  // namespace qemunit::helper
