// SPDX-License-Identifier: MIT
//
// QMP commands that only start something: a job, whose end an event tells and whose result
// is fetched and then dismissed (qapi/job.json of QEMU). Owned by a Vm. Its jobs have names
// of its own, and what another daemon left behind is tidied away, never taken for ours.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "bus/monitor/vm_monitor.h"

namespace qemunit::bus {

class QmpJobs {
  public:
    // `monitor` outlives it.
    QmpJobs(sd_event *event, VmMonitor &monitor) : event_(event), monitor_(monitor) {}
    QmpJobs(const QmpJobs &) = delete;
    QmpJobs &operator=(const QmpJobs &) = delete;

    // The error_class of a job that ran and failed. A command that QEMU refused to begin with has
    // QEMU's own.
    static constexpr std::string_view kJobFailed = "JobFailed";

    // Runs `command` as a job; `arguments` need no job-id. `done` is called once, with {} or
    // with what went wrong: QEMU's reason, or `deadline` (CLOCK_MONOTONIC, µs) has passed.
    void start(std::string_view command, nlohmann::json arguments, uint64_t deadline,
               VmMonitor::ReplyCallback done);

    // Every event of the monitor.
    void take_event(const QmpEvent &event);

    // The connection is gone: how the jobs end will not be known.
    void fail_all(const std::string &reason);

  private:
    struct Job {
        uint64_t deadline;
        VmMonitor::ReplyCallback done;
        EventSourcePtr timer;
        bool started = false;  // QEMU has accepted the command
    };

    void run(const std::string &id, const std::string &command, nlohmann::json arguments);
    void dismiss_leftovers(const nlohmann::json &jobs, uint64_t deadline);
    void look(const std::string &id);
    void take_jobs(const std::string &id, const nlohmann::json &jobs);
    void finish(const std::string &id, VmMonitor::Reply reply);

    sd_event *event_;
    VmMonitor &monitor_;
    uint64_t next_ = 1;
    std::map<std::string, Job> jobs_;
};

}  // namespace qemunit::bus
