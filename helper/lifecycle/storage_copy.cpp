// SPDX-License-Identifier: MIT
#include "helper/lifecycle/storage_copy.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "common/files/move_record.h"
#include "common/vm_name.h"

namespace qemunit::helper {

namespace {

using nlohmann::json;

// Of the jobs and nodes; a drive's name follows.
constexpr std::string_view kCopyIds = "qemunit-copy-";
constexpr uint64_t kCopyLookInterval = 250 * kMillisecond;
// The guest stands still.
constexpr uint64_t kFinishLookInterval = 10 * kMillisecond;
constexpr uint64_t kLeftoverInterval = 100 * kMillisecond;
constexpr unsigned kLeftoverLooks = 600;
// From here on, a limit of the bandwidth holds back no more.
constexpr uint64_t kLastBytes = 1u << 20;
// Until a disk is opened there, of which nothing is written yet. QEMU stands still meanwhile.
constexpr uint64_t kOpeningPatience = 20 * kSecond;
// Of copies that were offered, and no move after them.
constexpr uint64_t kOfferKept = 60 * kSecond;
constexpr std::size_t kOfferedMost = 256;

std::string id_of(std::string_view drive) {
    return std::string(kCopyIds) + std::string(drive);
}

bool is_of_copy(const json &object, const char *key) {
    return string_at(object, key).starts_with(kCopyIds);
}

uint64_t number_at(const json &object, const char *key) {
    const auto found = object.is_object() ? object.find(key) : object.end();
    return found != object.end() && found->is_number_unsigned() ? found->get<uint64_t>() : 0;
}

const json *job_of(const json &jobs, std::string_view drive) {
    if (!jobs.is_array())
        return nullptr;
    const auto job = std::ranges::find_if(
        jobs, [id = id_of(drive)](const json &of) { return string_at(of, "id") == id; });
    return job != jobs.end() ? &*job : nullptr;
}

std::string end_of(const json *job) {
    const std::string why = job ? string_at(*job, "error") : "";
    return why.empty() ? "it was ended by somebody else" : why;
}

}  // namespace

Result<> OfferedCopies::add(const json &arguments, UniqueFd connection) {
    const std::string token = string_at(arguments, "token"), drive = string_at(arguments, "drive");
    if (!is_move_token(token) || !is_device_name(drive) || !connection)
        return fail(EINVAL, "not a token, a drive and a connection");
    if (token != token_)
        copies_.clear();
    if (copies_.size() >= kOfferedMost)
        return fail(E2BIG, "too many disks");
    token_ = token;
    copies_.push_back({drive, std::move(connection)});
    auto timer =
        start_timer(event_, monotonic_now(event_) + kOfferKept, [this] { copies_.clear(); });
    if (!timer)
        return std::unexpected(timer.error());
    forgets_ = std::move(*timer);
    return {};
}

std::vector<DriveCopy> OfferedCopies::take(const std::string &token) {
    forgets_.reset();
    if (token != token_)
        copies_.clear();
    return std::exchange(copies_, {});
}

void StorageCopy::begin(std::vector<DriveCopy> copies, uint64_t bandwidth, Callbacks callbacks) {
    reset();
    offered_ = std::move(copies);
    bandwidth_ = bandwidth;
    callbacks_ = std::move(callbacks);
    copied_ = total_ = 0;
    greeted_ = 0;
    for (const DriveCopy &copy : offered_)
        drives_.push_back({copy.drive, nullptr});
    clean([this] { connect(); });
}

void StorageCopy::abort() {
    reset();
    clean({});
}

void StorageCopy::reset() {
    ++generation_;
    callbacks_ = {};
    finished_ = {};
    next_look_.reset();
    failing_.reset();
    is_asking_ = is_ready_ = false;
    offered_.clear();
    // First, so that QEMU waits for no answer of the other host.
    drives_.clear();
}

// Without a companion, a job ends with its connection, and stays in QEMU's list.
void StorageCopy::clean(std::function<void()> then) {
    looks_ = 0;
    ask("query-jobs", nullptr, [this, then = std::move(then)](const QmpClient::Reply &jobs) {
        if (!jobs)
            return fail_with("query-jobs: " + jobs.error().message);
        take_leftovers(*jobs, then);
    });
}

void StorageCopy::take_leftovers(const json &jobs, std::function<void()> then) {
    bool is_clean = true;
    for (const json &job : jobs) {
        if (!is_of_copy(job, "id"))
            continue;
        is_clean = false;
        const bool has_ended = string_at(job, "status") == "concluded";
        if (has_ended || looks_ == 0)
            ask(has_ended ? "job-dismiss" : "job-cancel", {{"id", string_at(job, "id")}},
                [](const QmpClient::Reply &) {});
    }
    if (is_clean)
        return remove_nodes(std::move(then));
    if (++looks_ > kLeftoverLooks)
        return fail_with("an earlier copy of the disks does not end");
    auto timer = start_timer(
        event_, monotonic_now(event_) + kLeftoverInterval, [this, then = std::move(then)] {
            ask("query-jobs", nullptr, [this, then](const QmpClient::Reply &jobs_then) {
                if (jobs_then)
                    take_leftovers(*jobs_then, then);
            });
        });
    if (timer)
        next_look_ = std::move(*timer);
}

void StorageCopy::remove_nodes(std::function<void()> then) {
    ask("query-named-block-nodes", {{"flat", true}},
        [this, then = std::move(then)](const QmpClient::Reply &nodes) {
            if (nodes && nodes->is_array())
                for (const json &node : *nodes)
                    if (is_of_copy(node, "node-name"))
                        ask("blockdev-del", {{"node-name", string_at(node, "node-name")}},
                            [](const QmpClient::Reply &) {});
            if (then)
                then();
        });
}

void StorageCopy::connect() {
    for (std::size_t i = 0; i < drives_.size(); ++i) {
        auto bridge =
            CopyBridge::create(event_, std::move(offered_[i].connection), qemu_,
                               std::min(kOpeningPatience, patience_usec_),
                               {.greeted =
                                    [this] {
                                        if (++greeted_ == drives_.size())
                                            add(0);
                                    },
                                .closed =
                                    [this, name = drives_[i].name](const std::string &why) {
                                        fail_soon(fmt::format("[Drive {}]: {}", name, why));
                                    }});
        if (!bridge)
            return fail_with(bridge.error().message);
        drives_[i].bridge = std::move(*bridge);
    }
    offered_.clear();
}

// Zeroes are not sent, and become holes there.
void StorageCopy::add(std::size_t index) {
    if (index == drives_.size()) {
        for (const Drive &drive : drives_)
            drive.bridge->set_patience(patience_usec_);
        return mirror(0);
    }
    const Drive &drive = drives_[index];
    ask("blockdev-add",
        {{"node-name", id_of(drive.name)},
         {"driver", "nbd"},
         {"server", {{"type", "unix"}, {"path", drive.bridge->address()}, {"abstract", true}}},
         {"export", drive.name},
         {"discard", "unmap"},
         {"detect-zeroes", "unmap"}},
        [this, index](const QmpClient::Reply &reply) {
            if (!reply)
                return fail_with(fmt::format("[Drive {}]: the other host's image: {}",
                                             drives_[index].name, reply.error().message));
            if (callbacks_.progressed)
                callbacks_.progressed();
            add(index + 1);
        });
}

void StorageCopy::mirror(std::size_t index) {
    if (index == drives_.size())
        return look_later(0);
    const std::string &name = drives_[index].name;
    json arguments{{"job-id", id_of(name)},       {"device", name},
                   {"target", id_of(name)},       {"sync", "full"},
                   {"copy-mode", "background"},   {"on-source-error", "report"},
                   {"on-target-error", "report"}, {"auto-dismiss", false}};
    if (bandwidth_ > 0)
        arguments["speed"] = std::max<uint64_t>(bandwidth_ / drives_.size(), 1);
    ask("blockdev-mirror", std::move(arguments), [this, index](const QmpClient::Reply &reply) {
        if (!reply)
            return fail_with(
                fmt::format("[Drive {}]: {}", drives_[index].name, reply.error().message));
        mirror(index + 1);
    });
}

void StorageCopy::look_later(uint64_t usec) {
    if (auto timer = start_timer(event_, monotonic_now(event_) + usec, [this] { look(); }))
        next_look_ = std::move(*timer);
}

void StorageCopy::look() {
    look_later(finished_ ? kFinishLookInterval : kCopyLookInterval);
    if (std::exchange(is_asking_, true))
        return;
    ask("query-jobs", nullptr, [this](const QmpClient::Reply &jobs) {
        is_asking_ = false;
        if (!jobs)
            return fail_with("query-jobs: " + jobs.error().message);
        if (finished_)
            take_ends(*jobs);
        else
            take_jobs(*jobs);
    });
}

void StorageCopy::take_jobs(const json &jobs) {
    uint64_t copied = 0, total = 0;
    bool are_ready = true;
    for (const Drive &drive : drives_) {
        const json *const job = job_of(jobs, drive.name);
        const std::string status = job ? string_at(*job, "status") : "concluded";
        if (status == "concluded" || status == "aborting")
            return fail_with(
                fmt::format("[Drive {}] could not be copied: {}", drive.name, end_of(job)));
        are_ready = are_ready && status == "ready";
        copied += number_at(*job, "current-progress");
        total += number_at(*job, "total-progress");
    }
    const bool has_moved = copied > copied_;
    copied_ = copied;
    total_ = std::max(total, copied);
    if (copied > 0 && remaining() <= std::max(bandwidth_ / 4, kLastBytes))
        lift_limit();
    if (has_moved && !is_ready_ && callbacks_.progressed)
        callbacks_.progressed();
    if (are_ready && !std::exchange(is_ready_, true) && callbacks_.ready)
        callbacks_.ready();
}

// A disk is ready when nothing of it is left for a moment. With a limit below what the guest
// writes, that would never be so.
void StorageCopy::lift_limit() {
    if (std::exchange(bandwidth_, 0) == 0)
        return;
    for (const Drive &drive : drives_)
        ask("block-job-set-speed", {{"device", id_of(drive.name)}, {"speed", 0}},
            [](const QmpClient::Reply &) {});
}

// A mirror that is ready, and is cancelled without force, first sends the rest, and flushes it.
void StorageCopy::finish(std::function<void(Result<>)> done) {
    finished_ = std::move(done);
    lift_limit();
    for (const Drive &drive : drives_) {
        const auto check = [this, name = drive.name](const QmpClient::Reply &reply) {
            if (!reply)
                fail_with(fmt::format("[Drive {}]: {}", name, reply.error().message));
        };
        ask("block-job-cancel", {{"device", id_of(drive.name)}, {"force", false}}, check);
    }
    look_later(0);
}

void StorageCopy::take_ends(const json &jobs) {
    for (const Drive &drive : drives_) {
        const json *const job = job_of(jobs, drive.name);
        const bool has_ended = !job || string_at(*job, "status") == "concluded";
        if (has_ended && (!job || !string_at(*job, "error").empty()))
            return fail_with(
                fmt::format("[Drive {}] could not be copied: {}", drive.name, end_of(job)));
        if (!has_ended)
            return;
    }
    // From here on, it is no fault that the connections end.
    callbacks_ = {};
    next_look_.reset();
    for (const Drive &drive : drives_)
        ask("job-dismiss", {{"id", id_of(drive.name)}}, [](const QmpClient::Reply &) {});
    remove_nodes([this] {
        const auto done = std::exchange(finished_, {});
        reset();
        done({});
    });
}

void StorageCopy::ask(std::string_view command, json arguments,
                      std::function<void(const QmpClient::Reply &)> next) {
    qmp_.execute(
        command, std::move(arguments), 3600 * kSecond,
        [this, generation = generation_, next = std::move(next)](const QmpClient::Reply &reply) {
            if (generation != generation_)
                return;
            if (!reply && reply.error().kind != QmpError::Kind::monitor)
                return;  // "no answer" tells nothing: the owner has a deadline
            next(reply);
        });
}

// A bridge must not be destroyed from within.
void StorageCopy::fail_soon(std::string why) {
    if (failing_)
        return;
    auto timer = start_timer(event_, monotonic_now(event_),
                             [this, why = std::move(why)] { fail_with(why); });
    if (timer)
        failing_ = std::move(*timer);
}

void StorageCopy::fail_with(const std::string &why) {
    const auto finished = std::exchange(finished_, {});
    const Callbacks callbacks = std::exchange(callbacks_, {});
    if (finished)
        finished(fail(EIO, why));
    else if (callbacks.failed)
        callbacks.failed(why);
}

}  // namespace qemunit::helper
