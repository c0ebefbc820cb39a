// SPDX-License-Identifier: MIT
//
// The semantics are those of systemd's own daemons: bus_verify_polkit_async() in
// src/shared/bus-polkit.c.
#include "bus/access/authorization.h"

#include <fmt/format.h>
#include <unistd.h>

#include <map>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>

#include "bus/access/polkit.h"
#include "common/bus_call.h"
#include "common/timer.h"
#include "common/vm_name.h"

namespace qemunit::bus {

namespace {

constexpr uint64_t kBusTimeout = 2 * kSecond;  // D-Bus and systemd are there

const char *action_id(Action action) {
    switch (action) {
        case Action::inspect:
            return "org.qemunit1.inspect";
        case Action::control:
            return "org.qemunit1.control";
        case Action::monitor:
            break;
    }
    return "org.qemunit1.monitor";
}

struct Request {
    MessagePtr message;
    Action action;
    std::string vm;
    std::function<void(Decision &&)> decided;
    OpenCall open;
    // Asks polkit; calls allow() or refuse().
    std::function<void(const std::shared_ptr<Request> &)> ask;

    sd_bus *bus() const { return sd_bus_message_get_bus(message.get()); }
    uint32_t uid() const { return *open.caller()->uid; }
    void allow() { decided({nullptr, "", std::move(open)}); }
    void refuse(const char *error, std::string message_text) const {
        decided({error, std::move(message_text), {}});
    }
    void deny(std::string message_text) const {
        refuse(SD_BUS_ERROR_ACCESS_DENIED, std::move(message_text));
    }
    void refuse_one_more() const {
        refuse(SD_BUS_ERROR_LIMITS_EXCEEDED,
               "Too many calls of this user, or too large ones, are not answered yet");
    }
};

using RequestPtr = std::shared_ptr<Request>;

bool is_reply(sd_bus_message *reply) {
    return reply && !sd_bus_message_is_method_error(reply, nullptr);
}

std::optional<uint32_t> uid_in(sd_bus_message *reply, const char *signature) {
    uint32_t uid = 0;
    const bool is_variant = std::string_view(signature) == "v";
    if (!is_reply(reply) || (is_variant ? sd_bus_message_read(reply, "v", "u", &uid)
                                        : sd_bus_message_read(reply, "u", &uid)) < 0)
        return std::nullopt;
    return uid;
}

// UID= of a unit is the user that the service runs as, whatever the name of that user.
void decide_without_polkit(const RequestPtr &request) {
    if (request->action == Action::inspect)
        return request->allow();
    char *raw = nullptr;
    sd_bus_path_encode("/org/freedesktop/systemd1/unit", service_unit(request->vm).c_str(), &raw);
    const CStringPtr path(raw);
    auto call = new_method_call(request->bus(), "org.freedesktop.systemd1", path ? path.get() : "/",
                                "org.freedesktop.DBus.Properties", "Get");
    if (call)
        sd_bus_message_append(call->get(), "ss", "org.freedesktop.systemd1.Service", "UID");
    call_and_forget(
        request->bus(), call,
        [request](sd_bus_message *reply) {
            if (uid_in(reply, "v") == request->uid())
                request->allow();
            else
                request->deny(
                    "Access denied: this system has no polkit, and without it only root "
                    "and the user of the VM have access");
        },
        kBusTimeout);
}

void require_person(const RequestPtr &request) {
    request->refuse(SD_BUS_ERROR_INTERACTIVE_AUTHORIZATION_REQUIRED,
                    "Interactive authentication required.");
}

PolkitQuestion question_of(const Request &request) {
    return {request.open.caller(), action_id(request.action), request.vm,
            sd_bus_message_get_member(request.message.get())};
}

// Without an answer of polkit, the call is refused: whoever floods polkit, or stops it, gains
// nothing.
void deny_without_answer(const RequestPtr &request, const PolkitAnswer &answer) {
    request->deny("Access denied: polkit did not answer (" + answer.why +
                  "); see: systemctl status polkit");
}

void take_answer_of_person(const RequestPtr &request, const PolkitAnswer &answer) {
    switch (answer.kind) {
        case PolkitAnswer::Kind::yes:
            return request->allow();
        case PolkitAnswer::Kind::needs_person:
            return require_person(request);
        case PolkitAnswer::Kind::too_many:
            return request->refuse(SD_BUS_ERROR_LIMITS_EXCEEDED,
                                   "Too many questions for a password are open already");
        case PolkitAnswer::Kind::no:
            return request->deny("Access denied: " + answer.why);
        case PolkitAnswer::Kind::none:
            return deny_without_answer(request, answer);
    }
}

void take_polkit_answer(const RequestPtr &request, const PolkitAnswer &answer) {
    switch (answer.kind) {
        case PolkitAnswer::Kind::yes:
            return request->allow();
        case PolkitAnswer::Kind::needs_person:
            if (sd_bus_message_get_allow_interactive_authorization(request->message.get()) <= 0)
                return require_person(request);
            return ask_person(request->bus(), question_of(*request),
                              [request](const PolkitAnswer &of_person) {
                                  take_answer_of_person(request, of_person);
                              });
        case PolkitAnswer::Kind::no:
            return request->deny("Access denied: " + answer.why);
        case PolkitAnswer::Kind::too_many:
        case PolkitAnswer::Kind::none:
            return deny_without_answer(request, answer);
    }
}

void decide(const RequestPtr &request, uint32_t uid) {
    const char *scope = nullptr;
    const bool is_user_bus =
        sd_bus_get_scope(request->bus(), &scope) >= 0 && std::string_view(scope) == "user";
    const bool is_trusted = uid == 0 || (is_user_bus && uid == geteuid());
    if (!callers().identify(request->open, uid, is_trusted))
        return request->refuse_one_more();
    if (is_trusted)
        return request->allow();
    if (is_user_bus)
        return request->deny("Access denied: this bus serves one user");
    if (!has_polkit())
        return decide_without_polkit(request);
    request->ask(request);
}

void ask_about_one(const RequestPtr &request) {
    ask_polkit(request->bus(), question_of(*request),
               [request](const PolkitAnswer &answer) { take_polkit_answer(request, answer); });
}

// What polkit has said lately of a caller's right to inspect VMs.
struct Remembered {
    uint64_t until;
    std::map<std::string, bool> vms;
};
std::map<std::string, Remembered>
    remembered_callers;  // by their names on the bus, which nobody else gets
constexpr uint64_t kRememberedTime = 5 * kSecond;

Remembered &remembered_of(const std::string &caller, uint64_t now) {
    std::erase_if(remembered_callers, [now](const auto &one) { return now >= one.second.until; });
    return remembered_callers.try_emplace(caller, Remembered{now + kRememberedTime, {}})
        .first->second;
}

// As many questions of one call at once as polkit is asked for one user: more would only wait.
constexpr unsigned kQuestionsAtOnce = 8;
constexpr uint64_t kInspectionTimeout = 8 * kSecond;

struct Inspection {
    RequestPtr request;
    std::vector<std::string> vms;  // that are not asked about yet
    std::shared_ptr<std::set<std::string>> allowed;
    unsigned open = 0;
    bool is_decided = false;
    EventSourcePtr deadline;
};
using InspectionPtr = std::shared_ptr<Inspection>;

void end_inspection(const InspectionPtr &inspection, const PolkitAnswer *failure) {
    if (std::exchange(inspection->is_decided, true))
        return;
    inspection->deadline.reset();
    if (failure)
        deny_without_answer(inspection->request, *failure);
    else
        inspection->request->allow();
}

void take_answer_about(const InspectionPtr &inspection, const std::string &vm, bool is_allowed) {
    if (is_allowed)
        inspection->allowed->insert(vm);
}

void ask_about_next(const InspectionPtr &inspection);

void ask_about(const InspectionPtr &inspection, const std::string &vm, uint64_t now) {
    const RequestPtr &request = inspection->request;
    request->vm = vm;
    ++inspection->open;
    ask_polkit(
        request->bus(), question_of(*request), [inspection, vm, now](const PolkitAnswer &answer) {
            --inspection->open;
            if (inspection->is_decided)
                return;
            if (answer.kind == PolkitAnswer::Kind::none ||
                answer.kind == PolkitAnswer::Kind::too_many)
                return end_inspection(inspection, &answer);
            const bool is_allowed = answer.kind == PolkitAnswer::Kind::yes;
            remembered_of(inspection->request->open.caller()->name, now).vms[vm] = is_allowed;
            take_answer_about(inspection, vm, is_allowed);
            ask_about_next(inspection);
        });
}

void ask_about_next(const InspectionPtr &inspection) {
    const RequestPtr &request = inspection->request;
    const uint64_t now = monotonic_now(sd_bus_get_event(request->bus()));
    while (!inspection->is_decided && !inspection->vms.empty() &&
           inspection->open < kQuestionsAtOnce) {
        const std::string vm = std::move(inspection->vms.back());
        inspection->vms.pop_back();
        const Remembered &known = remembered_of(request->open.caller()->name, now);
        if (const auto found = known.vms.find(vm); found != known.vms.end())
            take_answer_about(inspection, vm, found->second);
        else
            ask_about(inspection, vm, now);
    }
    if (inspection->open == 0 && inspection->vms.empty())
        end_inspection(inspection, nullptr);
}

void ask_about_each(const RequestPtr &request, std::vector<std::string> vms,
                    const std::shared_ptr<std::set<std::string>> &allowed) {
    const auto inspection =
        std::make_shared<Inspection>(Inspection{request, std::move(vms), allowed, 0, false, {}});
    allowed->clear();
    sd_event *event = sd_bus_get_event(request->bus());
    auto timer = start_timer(event, monotonic_now(event) + kInspectionTimeout, [inspection] {
        const PolkitAnswer late{PolkitAnswer::Kind::none,
                                fmt::format("not within {} s", kInspectionTimeout / kSecond)};
        end_inspection(inspection, &late);
    });
    if (!timer) {
        const PolkitAnswer none{PolkitAnswer::Kind::none, timer.error().message};
        return end_inspection(inspection, &none);
    }
    inspection->deadline = std::move(*timer);
    ask_about_next(inspection);
}

void take_uid(const RequestPtr &request, sd_bus_message *reply) {
    if (const auto uid = uid_in(reply, "u"))
        decide(request, *uid);
    else
        request->deny("Access denied: the bus does not tell who asks");
}

void authorize_by(sd_bus_message *message, Action action, const std::string &vm,
                  std::function<void(Decision &&)> decided,
                  std::function<void(const RequestPtr &)> ask) {
    const char *sender = sd_bus_message_get_sender(message);
    const auto request = std::make_shared<Request>(
        Request{keep_message(message), action, vm, std::move(decided), {}, std::move(ask)});
    auto open = callers().open(sender ? sender : "");
    if (!open)
        return request->refuse_one_more();
    request->open = std::move(*open);
    if (const auto uid = request->open.caller()->uid)
        return decide(request, *uid);
    auto call = new_method_call(request->bus(), "org.freedesktop.DBus", "/org/freedesktop/DBus",
                                "org.freedesktop.DBus", "GetConnectionUnixUser");
    if (call)
        sd_bus_message_append(call->get(), "s", sender ? sender : "");
    call_and_forget(
        request->bus(), call, [request](sd_bus_message *reply) { take_uid(request, reply); },
        kBusTimeout);
}

}  // namespace

void authorize(sd_bus_message *message, Action action, const std::string &vm,
               std::function<void(Decision &&)> decided) {
    authorize_by(message, action, vm, std::move(decided), ask_about_one);
}

void authorize_inspection(
    sd_bus_message *message, std::vector<std::string> vms,
    std::function<void(Decision &&, const std::set<std::string> &allowed)> decided) {
    const auto allowed = std::make_shared<std::set<std::string>>(vms.begin(), vms.end());
    authorize_by(
        message, Action::inspect, "",
        [allowed, decided = std::move(decided)](Decision &&decision) {
            decided(std::move(decision), *allowed);
        },
        [vms = std::move(vms), allowed](const RequestPtr &request) {
            ask_about_each(request, vms, allowed);
        });
}

}  // namespace qemunit::bus
