// SPDX-License-Identifier: MIT
//
// What a VM has beside its QEMU, in units of its own: their states, and what the VM's journal says
// of them.
#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <ctime>
#include <filesystem>
#include <string>

#include "tests/e2e/deadline.h"
#include "tests/e2e/journal.h"
#include "tests/e2e/process.h"
#include "tests/e2e/unit_watch.h"
#include "tests/e2e/vm_under_test.h"

namespace qemunit::e2e {

inline bool has_interface(const std::string &name) {
    return std::filesystem::exists("/sys/class/net/" + name);
}

inline std::string active_state_of(const std::string &unit) {
    return unit_property(unit, "ActiveState");
}

// Until a share of a VM that has ended, "vm1:src", has no part that is up. If a job of the VM's was
// there when virtiofsd had ended, systemd looks again whether somebody needs the socket only when
// it is reloaded (manager_dispatch_stop_when_unneeded_queue() of systemd 252).
inline void expect_no_virtiofs(const std::string &share) {
    const std::string part = "qemu-virtiofs@" + share;
    EXPECT_TRUE(wait_for_state(part + ".service", "inactive"));
    EXPECT_TRUE(run_words("systemctl daemon-reload").ok());
    EXPECT_TRUE(wait_for_state(part + ".socket", "inactive"));
}

// From when this object was made. (With --after-cursor= and -u, journalctl of systemd 252 leaves
// out the first line of the unit: it counts that in place of the cursor's, which the unit did not
// write.)
class JournalOfParts {
  public:
    explicit JournalOfParts(const VmUnderTest &vm) : unit_(vm.unit()) {
        run_words("journalctl --sync");
        timespec now{};
        clock_gettime(CLOCK_REALTIME, &now);
        since_ = fmt::format("--since=@{}.{:06}", now.tv_sec, now.tv_nsec / 1000);
    }
    // As `journalctl -u` has it, with errors alone.
    void expect(const std::string &text) const {
        const Deadline deadline;
        std::string said;
        do {
            run_words("journalctl --sync");
            said = run({"journalctl", "-b", "--no-pager", "-p", "3", "-u", unit_, since_}).output;
        } while (said.find(text) == std::string::npos && !deadline.passed());
        EXPECT_NE(said.find(text), std::string::npos) << text << " is not in\n" << said;
    }

  private:
    std::string unit_, since_;
};

}  // namespace qemunit::e2e
