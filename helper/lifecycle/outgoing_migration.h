// SPDX-License-Identifier: MIT
//
// One outgoing migration of QEMU's, from its settings to its end, whoever gets the stream: a file
// (Hibernation) or another host (MovingOut). Never lets the guest run, and sets no deadline: its
// owner does, who hears of each progress.
#pragma once

#include <nlohmann/json.hpp>

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "common/event_ptr.h"
#include "common/qmp/qmp_client.h"
#include "common/result.h"
#include "common/time_units.h"
#include "common/unique_fd.h"

namespace qemunit::helper {

// The timeout of a command whose caller has a deadline of its own.
inline constexpr uint64_t kNoTimeout = 3600 * kSecond;

// The first reason in an answer to query-migrate why this machine can never be migrated; "" if
// there is none.
std::string first_blocker(const nlohmann::json &migration);

class OutgoingMigration {
  public:
    struct Plan {
        nlohmann::json target;      // arguments of `migrate`
        nlohmann::json parameters;  // of migrate-set-parameters
        std::vector<std::string> capabilities;
        bool stops_first = false;  // the guest stands still from the beginning
        bool pauses = false;       // when the guest stands still, until continue_it()
    };
    struct Callbacks {
        std::function<void()> progressed;  // something has moved
        std::function<void()> looks;       // QEMU is about to be asked how far it is
        std::function<void()> begun = {};  // QEMU migrates from now on; not with go_on()
        // Once, of a Plan that pauses: the guest stands still, and QEMU writes its disks no more.
        std::function<void()> paused = {};
        // Once, unless it is cancelled: all of the machine has left QEMU, or why it has not. An
        // error may have no text.
        std::function<void(Result<>)> done;
    };

    OutgoingMigration(sd_event *event, QmpClient &qmp) : event_(event), qmp_(qmp) {}

    void begin(Plan plan, Callbacks callbacks);
    // One that the companion before this one has begun.
    void go_on(Callbacks callbacks);
    // After paused().
    void continue_it();
    // After a Plan that pauses, of whichever companion: QEMU would have a migration that somebody
    // begins by a monitor wait for ever. Done as soon as QEMU allows it.
    void forget_pause(unsigned tries = 240);
    // QEMU may have begun to send.
    bool is_under_way() const { return is_under_way_; }
    // QEMU takes commands in their order, so that this ends also a migration whose `migrate` has no
    // answer yet. Nothing is called back any more.
    void cancel();
    // The same, but QEMU is left to what it does.
    void leave();
    void on_event(const QmpEvent &event);

  private:
    void set_up();
    void send();
    void begin_to_look();
    void look();
    void take_status(const QmpClient::Reply &reply);
    void pause();
    void ask(std::string_view command, nlohmann::json arguments,
             std::function<void(const QmpClient::Reply &)> next);
    void step(std::string_view command, nlohmann::json arguments, std::function<void()> next);
    void end(Result<> result);

    sd_event *event_;
    QmpClient &qmp_;
    Plan plan_;
    Callbacks callbacks_;
    EventSourcePtr next_look_, next_try_;
    bool is_under_way_ = false;
    bool is_asking_ = false;
    bool has_paused_ = false;
    uint64_t remaining_ = UINT64_MAX;  // bytes of RAM, the lowest number that QEMU has told
    unsigned generation_ = 0;          // answers to an earlier one are of no use
};

}  // namespace qemunit::helper
