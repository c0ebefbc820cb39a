// SPDX-License-Identifier: MIT
#include "helper/lifecycle/succession_check.h"

#include <fmt/format.h>

#include <memory>
#include <utility>
#include <vector>

#include "common/qmp/backup_nodes.h"
#include "common/time_units.h"
#include "helper/lifecycle/hardware.h"
#include "helper/lifecycle/outgoing_migration.h"

namespace qemunit::helper {

namespace {

using nlohmann::json;

constexpr uint64_t kCheckTimeout = 20 * kSecond;

// "pc-q35-10.0-machine" -> "pc-q35-10.0"
std::string machine_of_type(std::string type) {
    constexpr std::string_view kSuffix = "-machine";
    if (type.ends_with(kSuffix))
        type.resize(type.size() - kSuffix.size());
    return type;
}

std::string obstacle_in_status(const json &status, SuccessionFacts &) {
    const std::string text = string_at(status, "status");
    return text == "running" ? ""
                             : fmt::format(
                                   "a guest that stands still ({}) is not handed to "
                                   "another QEMU; let it run first",
                                   text);
}

std::string obstacle_in_jobs(const json &jobs, SuccessionFacts &) {
    return jobs.is_array() && jobs.empty()
               ? ""
               : "a job of QEMU's is under way, as for a backup or a snapshot";
}

// The new QEMU would have no marks, by which a guest that is frozen for a backup is thawed.
std::string obstacle_in_nodes(const json &nodes, SuccessionFacts &) {
    return has_backup_nodes(nodes) ? "a backup is under way" : "";
}

std::string obstacle_in_exports(const json &exports, SuccessionFacts &) {
    return exports.is_array() && exports.empty() ? "" : "a backup is under way";
}

std::string obstacle_in_migration(const json &migration, SuccessionFacts &) {
    return first_blocker(migration);
}

std::string take_blocks(const json &blocks, SuccessionFacts &facts) {
    facts.blocks = blocks;
    return {};
}

std::string take_machine(const json &type, SuccessionFacts &facts) {
    facts.order.machine =
        machine_of_type(type.is_string() ? type.get<std::string>() : std::string());
    return {};
}

std::string take_accelerator(const json &kvm, SuccessionFacts &facts) {
    const auto enabled = kvm.is_object() ? kvm.find("enabled") : kvm.end();
    facts.order.accelerator =
        enabled != kvm.end() && enabled->is_boolean() && enabled->get<bool>() ? "kvm" : "tcg";
    return {};
}

struct Question {
    const char *command;
    json arguments;
    std::string (*take)(const json &, SuccessionFacts &);  // returns what is in the way
};

const std::vector<Question> &questions() {
    static const std::vector<Question> all{
        {"query-status", nullptr, obstacle_in_status},
        {"query-jobs", nullptr, obstacle_in_jobs},
        {"query-named-block-nodes", {{"flat", true}}, obstacle_in_nodes},
        {"query-block-exports", nullptr, obstacle_in_exports},
        {"query-migrate", nullptr, obstacle_in_migration},
        {"query-block", nullptr, take_blocks},
        {"qom-get", {{"path", "/machine"}, {"property", "type"}}, take_machine},
        {"query-kvm", nullptr, take_accelerator},
    };
    return all;
}

struct Check {
    QmpClient &qmp;
    std::function<void(Result<SuccessionFacts>)> done;
    SuccessionFacts facts = {};
    std::size_t asked = 0;
};

void ask_next_question(const std::shared_ptr<Check> &check) {
    if (check->asked == questions().size())
        return check->done(std::move(check->facts));
    const Question &question = questions()[check->asked++];
    check->qmp.execute(question.command, question.arguments, kCheckTimeout,
                       [check, &question](const QmpClient::Reply &reply) {
                           const std::string why = reply ? question.take(*reply, check->facts)
                                                         : fmt::format("{}: {}", question.command,
                                                                       reply.error().message);
                           if (!why.empty())
                               return check->done(fail(ENOTSUP, why));
                           ask_next_question(check);
                       });
}

std::string obstacle_in_hardware(const Result<Hardware> &now, const std::string &text) {
    const auto started = parse_hardware(text);
    if (!now || !started)
        return now ? "what the VM was started with is not known" : now.error().message;
    if (std::string difference = difference_since_start(*started, *now); !difference.empty())
        return difference;
    for (const auto &[drive, medium] : started->media)
        if (medium.removable)
            return fmt::format(
                "a running guest is not handed to another QEMU with a drive for "
                "removable media ('{}')",
                drive);
    return {};
}

}  // namespace

void check_succession(QmpClient &qmp, const std::string &started,
                      std::function<void(Result<SuccessionFacts>)> done) {
    ask_hardware(qmp, kCheckTimeout,
                 [&qmp, started, done = std::move(done)](const Result<Hardware> &now) {
                     if (std::string why = obstacle_in_hardware(now, started); !why.empty())
                         return done(fail(ENOTSUP, std::move(why)));
                     ask_next_question(std::make_shared<Check>(qmp, done));
                 });
}

}  // namespace qemunit::helper
