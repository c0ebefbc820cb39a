// SPDX-License-Identifier: MIT
//
// The semantics are those of systemd's own daemons: bus_verify_polkit_async() in
// src/shared/bus-polkit.c.
#include "bus/authorization.h"

#include <unistd.h>

#include <map>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>

#include "bus/polkit.h"
#include "common/bus_call.h"
#include "common/timer.h"
#include "common/vm_name.h"

namespace qemunit {

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

// Who the bus has said is who: a unique name is never another's, and to ask took 0.1 ms of each
// call. Its owner is the process, which has one bus and ends with it.
class KnownCallers {
  public:
    std::optional<uint32_t> uid_of(const std::string &sender) const {
        auto found = uids_.find(sender);
        return found == uids_.end() ? std::nullopt : std::optional(found->second);
    }
    void learn(const std::string &sender, uint32_t uid) {
        if (uids_.size() >= kMax)
            uids_.clear();
        uids_.emplace(sender, uid);
    }

  private:
    static constexpr std::size_t kMax = 1000;
    std::map<std::string, uint32_t> uids_;
};

KnownCallers &known_callers() {
    static KnownCallers callers;
    return callers;
}

struct Request {
    MessagePtr message;
    Action action;
    std::string vm;
    std::function<void(const Refusal &)> decided;
    std::optional<uint32_t> uid;  // of the caller

    sd_bus *bus() const { return sd_bus_message_get_bus(message.get()); }
    const char *sender() const { return sd_bus_message_get_sender(message.get()); }
    void allow() const { decided({}); }
    void deny(std::string message_text) const {
        decided({SD_BUS_ERROR_ACCESS_DENIED, std::move(message_text)});
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

// UID= of a service is of the user that it runs as, whatever the name of that user.
void decide_without_polkit(const RequestPtr &request, const std::string &why) {
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
        [request, why](sd_bus_message *reply) {
            const auto owner = uid_in(reply, "v");
            if (owner && request->uid && *owner == *request->uid)
                request->allow();
            else
                request->deny("Access denied: polkit did not answer (" + why +
                              "), and without it only root and the user of the VM have access");
        },
        kBusTimeout);
}

void require_person(const RequestPtr &request) {
    request->decided(
        {SD_BUS_ERROR_INTERACTIVE_AUTHORIZATION_REQUIRED, "Interactive authentication required."});
}

PolkitQuestion question_of(const Request &request) {
    return {request.sender(), *request.uid, action_id(request.action), request.vm,
            sd_bus_message_get_member(request.message.get())};
}

// polkit has just answered: that a person cannot be asked is no reason to do without it.
void take_answer_of_person(const RequestPtr &request, const PolkitAnswer &answer) {
    switch (answer.kind) {
        case PolkitAnswer::Kind::yes:
            return request->allow();
        case PolkitAnswer::Kind::needs_person:
            return require_person(request);
        case PolkitAnswer::Kind::too_many:
            return request->decided({SD_BUS_ERROR_LIMITS_EXCEEDED,
                                     "Too many questions for a password are open already"});
        case PolkitAnswer::Kind::no:
        case PolkitAnswer::Kind::none:
            return request->deny("Access denied: " + answer.why);
    }
}

void take_answer(const RequestPtr &request, const PolkitAnswer &answer) {
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
            return decide_without_polkit(request, answer.why);
    }
}

void decide(const RequestPtr &request) {
    const char *scope = nullptr;
    const bool is_user_bus =
        sd_bus_get_scope(request->bus(), &scope) >= 0 && std::string_view(scope) == "user";
    if (request->uid == 0u || (is_user_bus && request->uid == geteuid()))
        return request->allow();
    if (is_user_bus)
        return request->deny("Access denied: this bus serves one user");
    ask_polkit(request->bus(), question_of(*request),
               [request](const PolkitAnswer &answer) { take_answer(request, answer); });
}

void take_uid(const RequestPtr &request, sd_bus_message *reply) {
    request->uid = uid_in(reply, "u");
    if (!request->uid)
        return request->deny("Access denied: the bus does not tell who asks");
    known_callers().learn(request->sender(), *request->uid);
    decide(request);
}

}  // namespace

void authorize(sd_bus_message *message, Action action, const std::string &vm,
               std::function<void(const Refusal &)> decided) {
    const auto request = std::make_shared<Request>(
        Request{keep_message(message), action, vm, std::move(decided), std::nullopt});
    if (const char *sender = request->sender())
        request->uid = known_callers().uid_of(sender);
    if (request->uid)
        return decide(request);
    auto call = new_method_call(request->bus(), "org.freedesktop.DBus", "/org/freedesktop/DBus",
                                "org.freedesktop.DBus", "GetConnectionUnixUser");
    if (call)
        sd_bus_message_append(call->get(), "s", request->sender());
    call_and_forget(
        request->bus(), call, [request](sd_bus_message *reply) { take_uid(request, reply); },
        kBusTimeout);
}

}  // namespace qemunit
