// SPDX-License-Identifier: MIT
#include "helper/lifecycle/outgoing_migration.h"

#include <fmt/format.h>

#include <utility>

#include "common/timer.h"

namespace qemunit::helper {

namespace {

using nlohmann::json;

constexpr uint64_t kMigrationLookInterval = 250 * kMillisecond;
constexpr char kPausedStatus[] = "pre-switchover";

uint64_t remaining_in(const json &migration) {
    const json::json_pointer place("/ram/remaining");
    return migration.is_object() && migration.contains(place) &&
                   migration[place].is_number_integer()
               ? migration[place].get<uint64_t>()
               : 0;
}

json pause_capability(bool pauses) {
    return {{"capability", "pause-before-switchover"}, {"state", pauses}};
}

}  // namespace

std::string first_blocker(const json &migration) {
    const auto reasons =
        migration.is_object() ? migration.find("blocked-reasons") : migration.end();
    if (reasons == migration.end() || !reasons->is_array() || reasons->empty() ||
        !reasons->front().is_string())
        return {};
    return reasons->front().get<std::string>();
}

void OutgoingMigration::begin(Plan plan, Callbacks callbacks) {
    ++generation_;
    next_try_.reset();
    remaining_ = UINT64_MAX;
    has_paused_ = false;
    plan_ = std::move(plan);
    callbacks_ = std::move(callbacks);
    set_up();
}

void OutgoingMigration::go_on(Callbacks callbacks) {
    ++generation_;
    next_try_.reset();
    remaining_ = UINT64_MAX;
    callbacks_ = std::move(callbacks);
    is_under_way_ = true;
    begin_to_look();
}

void OutgoingMigration::set_up() {
    json capabilities = json::array();
    for (const std::string &capability : plan_.capabilities)
        capabilities.push_back({{"capability", capability}, {"state", true}});
    // Of an earlier migration, it would have this one wait for ever.
    capabilities.push_back(pause_capability(plan_.pauses));
    step("migrate-set-capabilities", {{"capabilities", std::move(capabilities)}}, [this] {
        step("migrate-set-parameters", plan_.parameters, [this] {
            if (plan_.stops_first)
                step("stop", nullptr, [this] { send(); });
            else
                send();
        });
    });
}

void OutgoingMigration::send() {
    is_under_way_ = true;
    ask("migrate", plan_.target, [this](const QmpClient::Reply &reply) {
        if (reply) {
            begin_to_look();
            if (callbacks_.begun)
                callbacks_.begun();
            return;
        }
        is_under_way_ = false;  // a migration that runs is somebody else's
        end(fail(EIO, "migrate: " + reply.error().message));
    });
}

void OutgoingMigration::begin_to_look() {
    if (!is_under_way_)
        return;  // the migration has ended before QEMU answered `migrate`
    auto timer =
        start_timer(event_, monotonic_now(event_) + kMigrationLookInterval, [this] { look(); });
    if (timer)
        next_look_ = std::move(*timer);
}

// Events tell of the migration's end; query-migrate tells of its progress.
void OutgoingMigration::look() {
    begin_to_look();
    if (callbacks_.looks)
        callbacks_.looks();
    if (is_under_way_ && !std::exchange(is_asking_, true))
        ask("query-migrate", nullptr, [this](const QmpClient::Reply &reply) {
            is_asking_ = false;
            take_status(reply);
        });
}

void OutgoingMigration::take_status(const QmpClient::Reply &reply) {
    if (!is_under_way_ || !reply)
        return;
    const std::string status = string_at(*reply, "status");
    if (status == "completed") {
        end({});
    } else if (status == kPausedStatus) {
        pause();
    } else if (status == "failed" || status == "cancelled") {
        end(fail(EIO, string_at(*reply, "error-desc")));
    } else if (const uint64_t remaining = remaining_in(*reply);
               remaining > 0 && remaining < remaining_) {
        remaining_ = remaining;
        callbacks_.progressed();
    }
}

void OutgoingMigration::on_event(const QmpEvent &event) {
    if (!is_under_way_ || event.name != "MIGRATION")
        return;
    const std::string status = string_at(event.data, "status");
    if (status == "completed")
        end({});
    else if (status == kPausedStatus)
        pause();
    else if (status == "failed" || status == "cancelled")
        ask("query-migrate", nullptr,
            [this](const QmpClient::Reply &reply) { take_status(reply); });
}

void OutgoingMigration::pause() {
    if (callbacks_.paused && !std::exchange(has_paused_, true))
        callbacks_.paused();
}

void OutgoingMigration::continue_it() {
    ask("migrate-continue", {{"state", kPausedStatus}}, [this](const QmpClient::Reply &reply) {
        if (!reply)
            end(fail(EIO, "migrate-continue: " + reply.error().message));
    });
}

void OutgoingMigration::cancel() {
    if (is_under_way_)
        qmp_.execute("migrate_cancel", nullptr, kNoTimeout, [](const QmpClient::Reply &) {});
    leave();
}

void OutgoingMigration::leave() {
    ++generation_;
    is_under_way_ = false;
    next_look_.reset();
    is_asking_ = false;
    callbacks_ = {};
}

// QEMU sets none while a migration that was cancelled has not ended.
void OutgoingMigration::forget_pause(unsigned tries) {
    ask("migrate-set-capabilities", {{"capabilities", json::array({pause_capability(false)})}},
        [this, tries](const QmpClient::Reply &reply) {
            if (reply || tries == 0)
                return;
            auto timer = start_timer(event_, monotonic_now(event_) + kMigrationLookInterval,
                                     [this, tries] { forget_pause(tries - 1); });
            if (timer)
                next_try_ = std::move(*timer);
        });
}

// The last thing that each function does: `done` may begin anew.
void OutgoingMigration::end(Result<> result) {
    ++generation_;
    is_under_way_ = false;
    is_asking_ = false;
    next_look_.reset();
    const Callbacks callbacks = std::exchange(callbacks_, {});
    if (callbacks.done)
        callbacks.done(std::move(result));
}

void OutgoingMigration::ask(std::string_view command, json arguments,
                            std::function<void(const QmpClient::Reply &)> next) {
    qmp_.execute(
        command, std::move(arguments), kNoTimeout,
        [this, generation = generation_, next = std::move(next)](const QmpClient::Reply &reply) {
            if (generation != generation_)
                return;  // it has ended meanwhile
            if (!reply && reply.error().kind != QmpError::Kind::monitor)
                return;  // "no answer" tells nothing: the owner has a deadline
            next(reply);
        });
}

void OutgoingMigration::step(std::string_view command, json arguments, std::function<void()> next) {
    ask(command, std::move(arguments),
        [this, name = std::string(command), next = std::move(next)](const QmpClient::Reply &reply) {
            if (!reply) {
                end(fail(EIO, fmt::format("{}: {}", name, reply.error().message)));
                return;
            }
            callbacks_.progressed();
            next();
        });
}

}  // namespace qemunit::helper
