// SPDX-License-Identifier: MIT
//
// Ready= of [VM]: decides when a VM counts as started, and what systemd is told until then, from
// what the companion sees. Keeps the console's last lines, to explain a start that times out. Never
// waits.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/console/regular_expression.h"
#include "common/result.h"
#include "helper/handover/options.h"

namespace qemunit::helper {

class Readiness {
  public:
    // `notify`: sd_notify(3) of the service.
    static Result<std::unique_ptr<Readiness>> create(
        Awaited awaited, std::function<void(const std::string &)> notify);

    // What the companion sees.
    void take_answer_of_qemu(const std::string &version);
    // The guest was resumed, or has moved here: it has come up before. `how`: "resumed"
    void take_resumption(const std::string &version, const std::string &how = "resumed");
    void take_line(const std::string &line);
    void take_answer_of_agent();
    // The guest's systemd has sent STATUS= or READY=1. `status`: as it is to be shown, or "".
    void take_status_of_guest(const std::string &status);
    void take_ready_of_guest();
    void take_status(const std::string &status);
    // The VM is being stopped: whatever comes now, it counts as not started.
    void give_up();

    bool is_ready() const { return is_ready_; }
    // Whether take_line() still makes a difference.
    bool wants_lines() const { return !is_ready_ && awaited_.thing != Awaited::Thing::nothing; }

    // Writes to standard error, which is the journal, what was awaited, and the console's last
    // lines. Does so once, and only if QEMU has started and the VM is not ready.
    void explain_failure();
    // The lines of explain(); none if there is nothing to explain.
    std::vector<std::string> explanation() const;

  private:
    Readiness(Awaited awaited, std::function<void(const std::string &)> notify);
    void update();
    std::string status_text() const;
    std::string status_of_vm() const;
    std::string awaited_text() const;
    std::string failure_text() const;

    const Awaited awaited_;
    const std::function<void(const std::string &)> notify_;
    std::optional<RegularExpression> expression_;
    bool qemu_answered_ = false;
    bool has_come_ = false;
    bool is_ready_ = false;
    bool has_given_up_ = false;
    bool is_explained_ = false;
    std::string version_;  // of QEMU
    std::string status_;   // of the last event that has a status
    std::string guest_status_;
    bool guest_has_spoken_ = false;
    std::deque<std::string> last_lines_;
};

}  // namespace qemunit::helper
