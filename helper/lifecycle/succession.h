// SPDX-License-Identifier: MIT
//
// Hands the running guest to another QEMU in the same unit: a newer program, with the memory, the
// images and the sockets that this one has. Part of the companion, which stays and decides alone;
// QEMU moves the machine (OutgoingMigration, in QEMU's mode "cpr-transfer"). The guest runs in one
// of both, and in the other one only when that one has ended.
//
//   state        what is so                          the guest may run  what may follow
//   here         nothing is under way                in the old one     asking
//   asking       whether it can be; nothing is       in the old one     starting, here
//                changed
//   starting     the new QEMU is about to be there   in the old one     sending, coming back
//   sending      the old one sends                   in the old one     given, coming back
//   given        all is sent and loaded; it is in    in the new one     here, with the new one;
//                the Handover, then `cont` is said,                     coming back by an error of
//                also if a monitor has said it                          `cont`; the VM's end
//                before
//   coming back  the new one is killed; the guest    in the old one     here
//                goes on as soon as QEMU lets it
//
// Both have the same open images, whose locks belong to the open files and not to a process: the
// old QEMU is killed, since one that quits would take locks off that the new one has.
#pragma once

#include <nlohmann/json.hpp>
#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "common/event_ptr.h"
#include "common/fd_watch.h"
#include "common/qmp/qmp_client.h"
#include "common/result.h"
#include "common/time_units.h"
#include "common/unique_fd.h"
#include "helper/handover/successor_requests.h"
#include "helper/handover/supervision.h"
#include "helper/lifecycle/guest_run.h"
#include "helper/lifecycle/outgoing_migration.h"

namespace qemunit::helper {

// For how long nothing may move, and how long one that does not let the guest go on is asked.
inline constexpr uint64_t kSuccessionPatience = 60 * kSecond;

class Succession {
  public:
    struct Callbacks {
        std::function<void(const std::string &)> tell_status;
        // What clients type waits from now on, or no longer.
        std::function<void(bool)> hold_input;
        // A port whose guest has not taken all of that yet; "" if there is none.
        std::function<std::string()> port_with_input;
        // From now on, it depends on that QEMU whether the guest runs.
        std::function<void(QmpClient &qmp, pid_t process)> watch;
        // The guest runs in that QEMU: `ends` lead to it.
        std::function<void(SuccessorEnds ends, std::unique_ptr<QmpClient> qmp)> has_succeeded;
        std::function<void()> is_back;  // the guest goes on in the old one
    };

    // `control`: where requests to the supervisor go; none if no QEMU can follow on this one, for
    // the reason `obstacle`, if that is known. `folder`: where both QEMUs can meet.
    Succession(sd_event *event, QmpClient &qmp, GuestRun &guest_run, const SavedState &saved,
               Handover &handover, UniqueFd control, std::string obstacle, std::string folder,
               pid_t qemu, uint64_t patience_usec, Callbacks callbacks)
        : event_(event),
          qmp_(qmp),
          guest_run_(guest_run),
          saved_(saved),
          handover_(handover),
          control_(std::move(control)),
          obstacle_(std::move(obstacle)),
          folder_(std::move(folder)),
          qemu_(qemu),
          patience_usec_(patience_usec),
          callbacks_(std::move(callbacks)),
          migration_(event, qmp) {}

    // `done` is called once, with the time for which the guest stood still (µs), or with why it
    // goes on as before.
    void begin(std::function<void(Result<uint64_t>)> done);
    // A companion that was killed may have begun. `then` is called when that is over, or at once.
    void take_up(std::function<void()> then);
    // The VM is to stop.
    void break_off(const std::string &why, std::function<void()> then);
    void on_event(const QmpEvent &event);
    // The old QEMU is gone.
    void on_closed();
    bool is_under_way() const { return phase_ != Phase::here; }
    // A drive is gone, and its image is nobody's any more.
    void forget_image(unsigned set) const;

  private:
    enum class Phase { here, asking, starting, sending, given, coming_back };

    void check();
    void look_for_input_until(uint64_t usec);
    void start();
    void take_answer();
    void take_adoption();
    void send();
    void set_up();
    void look_whether_loaded();
    void take_sent(const Result<> &sent);
    void take_run_there(const QmpEvent &event);
    void give();
    void decide();
    void has_run();
    void finish();
    void end_predecessor();
    void restore_limits();
    void lose(std::string why);
    void wait_on(const std::string &why);
    void refuse(std::string why);
    void kill_both() const;
    void come_back(std::string why);
    void look_whether_back();
    void is_back();
    void end(Result<uint64_t> result);
    void forget();
    void new_one_is_gone();
    void wait_no_longer_than(uint64_t usec, const std::string &why);
    void look_again(uint64_t usec, std::function<void()> look);
    std::string meeting_place() const { return folder_ + "/upgrade.cpr"; }
    std::string stream_place() const { return folder_ + "/upgrade.main"; }

    sd_event *event_;
    QmpClient &qmp_;
    GuestRun &guest_run_;
    const SavedState &saved_;
    Handover &handover_;
    const UniqueFd control_;
    const std::string obstacle_, folder_;
    pid_t qemu_;
    const uint64_t patience_usec_;
    const Callbacks callbacks_;
    OutgoingMigration migration_;
    Phase phase_ = Phase::here;
    std::function<void(Result<uint64_t>)> done_;
    std::function<void()> then_;
    EventSourcePtr deadline_, next_look_, next_step_;
    FdWatch answer_watch_, control_watch_;
    UniqueFd answer_;
    SuccessorOrder order_;
    SuccessorEnds ends_;
    std::unique_ptr<QmpClient> new_;
    std::optional<GuestRun> new_run_;
    bool is_sent_ = false, is_loaded_ = false;
    bool has_run_there_ = false;
    unsigned attempts_ = 0;
    nlohmann::json blocks_;  // query-block of the old one
    uint64_t stopped_usec_ = 0, ran_usec_ = 0;
    unsigned tries_ = 0;
    std::string why_back_;
};

}  // namespace qemunit::helper
