// SPDX-License-Identifier: MIT
//
// Takes a VM over from another host while it runs: the target's side of MovingOut, which alone
// decides. The guest does not run here before "run" has come, and QEMU does not take the locks of
// its images; without "run", QEMU is made to quit. What has become of the move is in its
// ArrivalRecord before anybody is told. Part of the companion. A companion that takes over may do
// each step again.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/event_ptr.h"
#include "common/files/arrival_record.h"
#include "common/files/copy_mark.h"
#include "common/files/move_record.h"
#include "common/qmp/qmp_client.h"
#include "common/unique_fd.h"
#include "helper/handover/supervision.h"
#include "helper/lifecycle/guest_run.h"
#include "helper/lifecycle/move_channel.h"
#include "helper/lifecycle/storage_export.h"

namespace qemunit::helper {

struct Incoming {
    UniqueFd connection;  // with the source's companion at its other end
    UniqueFd listener;    // migrate.sock: as long as it is whole, each start waits for a VM to come
    Move move;
    std::vector<CopiedImage> copies = {};  // the disks that come along
    UniqueFd copy_listener = {};           // migrate-disks.sock, for these
};

class MovingIn {
  public:
    struct Callbacks {
        std::function<void(const std::string &)> tell_status;
        std::function<void()> has_moved;
    };

    MovingIn(sd_event *event, QmpClient &qmp, const ArrivalRecord &arrived, const MoveRecord &gone,
             CopyMark mark, GuestRun &guest_run, Handover &handover,
             std::optional<Incoming> incoming, pid_t qemu, uint64_t patience_usec,
             Callbacks callbacks);

    // There is a VM to take over, and it has not been.
    bool is_wanted() const { return incoming_ && !handover_.has_moved_in; }
    // To be called once QMP answers.
    void begin();
    // The source has given the guest to this host, and it is let run.
    bool has_leave() const { return handover_.may_run_here; }
    // The VM is to stop: QEMU is made to quit, unless the guest was given to this host, and runs in
    // a moment.
    void stop();
    void on_event(const QmpEvent &event);
    // QEMU is gone.
    void on_closed();

  private:
    void look_for_beginning();
    void take_disks();
    void set_up();
    void receive();
    void look();
    void look_again();
    void loaded();
    void tell_that_it_is_loaded();
    void take_line(const std::string &line);
    void take();
    void run();
    void has_run();
    void end_waiting_for_it() const;
    void refuse(const std::string &why);
    void keep(const std::string &why);
    // QEMU is made to quit, unless the guest was given to this host.
    void give_up(const std::string &why);
    Result<> write_refusal() const;
    void wait_no_longer_than(uint64_t usec, const std::string &why);
    void grant_time() const;
    void ask(std::string_view command, nlohmann::json arguments, std::function<void()> next,
             UniqueFd fd = {});

    sd_event *event_;
    QmpClient &qmp_;
    const ArrivalRecord &arrived_;
    const MoveRecord &gone_;
    GuestRun &guest_run_;
    Handover &handover_;
    std::optional<Incoming> incoming_;
    const pid_t qemu_;
    const uint64_t patience_usec_;
    const Callbacks callbacks_;
    StorageExport disks_;
    std::unique_ptr<MoveChannel> channel_;
    EventSourcePtr deadline_, next_look_;
    bool takes_disks_ = false;  // from the source, at the moment
    bool is_loaded_ = false;
    bool is_asking_ = false;
    bool is_taking_ = false;  // "run" has come
    bool has_given_up_ = false;
    bool is_stuck_ = false;      // the guest is this host's, and QEMU does not let it run
    bool may_have_run_ = false;  // without an order of this companion
};

}  // namespace qemunit::helper
