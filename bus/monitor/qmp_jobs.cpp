// SPDX-License-Identifier: MIT
#include "bus/monitor/qmp_jobs.h"

#include <fmt/format.h>

#include <utility>

namespace qemunit::bus {

using nlohmann::json;

namespace {

constexpr std::string_view kPrefix = "qemunit-";

// The job of that name in the answer to query-jobs.
const json *find_job(const json &jobs, std::string_view id) {
    if (jobs.is_array())
        for (const json &job : jobs)
            if (job.is_object() && string_at(job, "id") == id)
                return &job;
    return nullptr;
}

bool is_concluded(const json &job) {
    return string_at(job, "status") == "concluded";
}

}  // namespace

void QmpJobs::start(std::string_view command, json arguments, uint64_t deadline,
                    VmMonitor::ReplyCallback done) {
    // The time makes the names different from those of a daemon before this one.
    uint64_t now = 0;
    sd_event_now(event_, CLOCK_REALTIME, &now);
    const std::string id = fmt::format("{}{:x}-{}", kPrefix, now, next_++);
    auto timer = start_timer(event_, deadline, [this, id] {
        finish(id, std::unexpected(QmpError{QmpError::Kind::timeout, ""}));
    });
    if (!timer)
        return done(std::unexpected(QmpError{QmpError::Kind::timeout, timer.error().message}));
    arguments["job-id"] = id;
    jobs_.emplace(id, Job{deadline, std::move(done), std::move(*timer)});
    monitor_.execute("query-jobs", nullptr, deadline,
                     [this, id, deadline, command = std::string(command),
                      arguments = std::move(arguments)](VmMonitor::Reply reply) mutable {
                         if (!reply)
                             return finish(id, std::move(reply));
                         dismiss_leftovers(*reply, deadline);
                         run(id, command, std::move(arguments));
                     });
}

void QmpJobs::run(const std::string &id, const std::string &command, json arguments) {
    auto job = jobs_.find(id);
    if (job == jobs_.end())
        return;
    monitor_.execute(command, std::move(arguments), job->second.deadline,
                     [this, id](VmMonitor::Reply reply) {
                         if (!reply)
                             return finish(id, std::move(reply));
                         auto started = jobs_.find(id);
                         if (started == jobs_.end())
                             return;
                         started->second.started = true;
                         // The event may have come before this answer.
                         look(id);
                     });
}

// A daemon that was killed, or a caller's deadline, leaves jobs of which nobody wants to
// hear any more. QEMU keeps each until it is dismissed.
void QmpJobs::dismiss_leftovers(const json &jobs, uint64_t deadline) {
    if (!jobs.is_array())
        return;
    for (const json &job : jobs) {
        const std::string id = job.is_object() ? string_at(job, "id") : "";
        if (id.starts_with(kPrefix) && is_concluded(job) && !jobs_.contains(id))
            monitor_.execute("job-dismiss", {{"id", id}}, deadline, [](VmMonitor::Reply) {});
    }
}

void QmpJobs::take_event(const QmpEvent &event) {
    if (event.name != "JOB_STATUS_CHANGE" || !is_concluded(event.data))
        return;
    const std::string id = string_at(event.data, "id");
    if (auto job = jobs_.find(id); job != jobs_.end() && job->second.started)
        look(id);
}

void QmpJobs::look(const std::string &id) {
    auto job = jobs_.find(id);
    if (job == jobs_.end())
        return;
    monitor_.execute("query-jobs", nullptr, job->second.deadline,
                     [this, id](VmMonitor::Reply reply) {
                         if (reply)
                             take_jobs(id, *reply);
                         else
                             finish(id, std::move(reply));
                     });
}

void QmpJobs::take_jobs(const std::string &id, const json &jobs) {
    if (!jobs_.contains(id))
        return;
    const json *job = find_job(jobs, id);
    if (!job)
        return finish(id, std::unexpected(QmpError{QmpError::Kind::monitor,
                                                   "somebody else dismissed QEMU's job '" + id +
                                                       "', and how it ended is not known"}));
    if (!is_concluded(*job))
        return;  // its event will come
    VmMonitor::Reply reply = json::object();
    if (job->contains("error"))
        reply = std::unexpected(
            QmpError{QmpError::Kind::monitor, string_at(*job, "error"), std::string(kJobFailed)});
    monitor_.execute("job-dismiss", {{"id", id}}, jobs_.at(id).deadline, [](VmMonitor::Reply) {});
    finish(id, std::move(reply));
}

void QmpJobs::fail_all(const std::string &reason) {
    for (auto &[id, job] : std::exchange(jobs_, {}))
        job.done(std::unexpected(QmpError{QmpError::Kind::disconnected, reason}));
}

void QmpJobs::finish(const std::string &id, VmMonitor::Reply reply) {
    if (auto job = jobs_.extract(id))
        job.mapped().done(std::move(reply));
}

}  // namespace qemunit::bus
