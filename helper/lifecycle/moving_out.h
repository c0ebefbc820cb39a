// SPDX-License-Identifier: MIT
//
// Moves the VM to another host while it runs: the source's side. This companion alone decides on
// which of the two hosts the guest goes on; the target's only obeys (MovingIn). Part of the
// companion. Runs the guest here again only through GuestRun, and never after it was given away.
//
// With disks that come along (StorageCopy), "sending" begins with these, and they are whole there
// before "offered".
//
//   state        what is so                        the guest may run  what may follow
//   here         nothing is under way              here               sending
//   sending      QEMU sends; the target has no     here               offered, coming back
//                leave
//   offered      all is sent; the guest stands     nowhere            given, coming back
//                still, and the target has not
//                said "loaded"
//   given        it is written down; then "run"    there              moved; coming back by a final
//                is said                                              "no" of there
//   moved        the target has said "runs"        there              QEMU's end
//   coming back  the guest goes on as soon as      here               here, stuck
//                QEMU lets it
//   stuck        QEMU has not let it for a while;  nowhere            coming back by decide(); here
//                the disks may have been used                         by a monitor; QEMU's end
//                since
//
// "Given" is in the Handover first, then on the disk as "moved-away", then said. Either alone
// counts, whether it can be read or not.
#pragma once

#include <nlohmann/json.hpp>
#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/event_ptr.h"
#include "common/files/move_record.h"
#include "common/qmp/qmp_client.h"
#include "common/result.h"
#include "common/unique_fd.h"
#include "helper/handover/supervision.h"
#include "helper/lifecycle/guest_run.h"
#include "helper/lifecycle/move_channel.h"
#include "helper/lifecycle/outgoing_migration.h"
#include "helper/lifecycle/storage_copy.h"

namespace qemunit::helper {

struct MoveRequest {
    UniqueFd connection;  // with the target's companion at its other end
    Move move;
    uint64_t bandwidth = 0;              // bytes a second; 0: as fast as it goes
    uint64_t downtime_ms = 0;            // 0: QEMU's own limit
    std::vector<DriveCopy> copies = {};  // the disks that come along
};

class MovingOut {
  public:
    struct Callbacks {
        std::function<void(const std::string &)> tell_status;
        std::function<void()> is_back;  // the guest goes on here
        // A VM that is to stop waits for that for so long (µs).
        std::function<void(uint64_t usec)> grant;
    };

    // `patience_usec`: how long nothing may move, and how long the target may say nothing.
    MovingOut(sd_event *event, QmpClient &qmp, const MoveRecord &record, GuestRun &guest_run,
              Handover &handover, pid_t qemu, uint64_t patience_usec, Callbacks callbacks)
        : event_(event),
          qmp_(qmp),
          record_(record),
          guest_run_(guest_run),
          handover_(handover),
          qemu_(qemu),
          patience_usec_(patience_usec),
          callbacks_(std::move(callbacks)),
          migration_(event, qmp),
          storage_(event, qmp, qemu, answer_patience()) {}

    // `done` is called once: the guest runs there, or goes on here, or nobody knows yet
    // (EINPROGRESS) and decide() has to follow.
    void begin(MoveRequest request, std::function<void(Result<>)> done);
    // A companion that was killed may have begun. `then` is called when that has been broken off,
    // or at once; not if the guest is given away.
    void take_up(std::function<void()> then);
    // The same for a VM that is to stop.
    void break_off(const std::string &why, std::function<void()> then);
    // The final answer of the target about a guest that was given to it, or is stuck, to somebody
    // who has asked there. Nobody else's, and no guess.
    Result<> decide(const std::string &token, bool has_run_there);
    void on_event(const QmpEvent &event);
    // The guest goes on in this process.
    void set_process(pid_t qemu) {
        qemu_ = qemu;
        storage_.set_process(qemu);
    }
    // QEMU is gone.
    void on_closed();

    bool is_given() const { return phase_ == Phase::given || phase_ == Phase::moved; }
    // QEMU, which stops the guest at the end, may wait for answers of the target's disks meanwhile,
    // and give none itself. No longer than the target may take for an answer.
    bool waits_for_disks() const { return phase_ == Phase::sending && storage_.is_under_way(); }
    // A VM that is to stop ends at once: no guest can shut down, or be saved.
    bool has_no_guest() const { return is_given() || phase_ == Phase::stuck; }
    // For people and programs: "phase", "host", "vm", "token"; while the disks are copied, "sent"
    // and "remaining", in bytes.
    nlohmann::json state() const;

  private:
    enum class Phase { here, sending, offered, given, moved, coming_back, stuck };

    // A target that writes what its page cache has of a disk answers no sooner.
    uint64_t answer_patience() const { return 3 * patience_usec_; }
    void take_line(const std::string &line);
    void copy_disks();
    void tell_that_it_copies();
    void has_copied();
    void send();
    void end_copying();
    void take_sent(const Result<> &sent);
    void give();
    void has_moved();
    void lose_touch(std::string why);
    void come_back(std::string why);
    void look_whether_back();
    void look_again();
    void take_refusal(const std::string &why);
    void give_up_coming_back();
    void is_back();
    void wait_no_longer_than(uint64_t usec, const std::string &why);
    void answer(Result<> result);

    sd_event *event_;
    QmpClient &qmp_;
    const MoveRecord &record_;
    GuestRun &guest_run_;
    Handover &handover_;
    pid_t qemu_;
    const uint64_t patience_usec_;
    const Callbacks callbacks_;
    OutgoingMigration migration_;
    StorageCopy storage_;
    Phase phase_ = Phase::here;
    MoveRequest request_;
    std::function<void(Result<>)> done_;
    std::function<void()> then_;  // when it is back
    std::unique_ptr<MoveChannel> channel_;
    EventSourcePtr deadline_, next_look_, next_word_;
    bool copies_disks_ = false, has_begun_copying_ = false;
    bool is_ready_ = false, is_loaded_ = false;  // the target has said so
    std::string why_back_;
    std::string refusal_;  // why QEMU does not let the guest run again
};

}  // namespace qemunit::helper
