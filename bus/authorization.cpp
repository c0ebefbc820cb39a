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

#include "common/bus_call.h"
#include "common/timer.h"
#include "common/vm_name.h"

namespace qemunit {

namespace {

// D-Bus and systemd are there; polkit may have to be started. Together with what QEMU gets
// after that, below the 25 s of sd_bus_call(3): see take_decision() in vm_call.cpp.
constexpr uint64_t kBusTimeout = 2 * kSecond;
constexpr uint64_t kPolkitTimeout = 8 * kSecond;
// A person has to find and type a password.
constexpr uint64_t kInteractiveTimeout = 60 * kSecond;

constexpr uint32_t kAllowUserInteraction = 1;  // CheckAuthorizationFlags of polkit

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

void take_answer(const RequestPtr &request, sd_bus_message *reply) {
    if (!is_reply(reply)) {
        const sd_bus_error *error = reply ? sd_bus_message_get_error(reply) : nullptr;
        return decide_without_polkit(
            request, error && error->message ? error->message : "it cannot be asked");
    }
    int authorized = 0;
    int challenge = 0;
    if (sd_bus_message_enter_container(reply, 'r', "bba{ss}") < 0 ||
        sd_bus_message_read(reply, "bb", &authorized, &challenge) < 0)
        return decide_without_polkit(request, "its answer makes no sense");
    if (authorized)
        return request->allow();
    if (challenge)
        return request->decided({SD_BUS_ERROR_INTERACTIVE_AUTHORIZATION_REQUIRED,
                                 "Interactive authentication required."});
    request->deny(std::string("Access denied: polkit does not allow ") +
                  action_id(request->action) + " for VM '" + request->vm + "'");
}

void ask_polkit(const RequestPtr &request) {
    sd_bus_message *message = request->message.get();
    const bool interactive = sd_bus_message_get_allow_interactive_authorization(message) > 0;
    auto call = new_method_call(request->bus(), "org.freedesktop.PolicyKit1",
                                "/org/freedesktop/PolicyKit1/Authority",
                                "org.freedesktop.PolicyKit1.Authority", "CheckAuthorization");
    if (call)
        sd_bus_message_append(call->get(), "(sa{sv})sa{ss}us", "system-bus-name", 1, "name", "s",
                              request->sender(), action_id(request->action), 2, "vm",
                              request->vm.c_str(), "verb", sd_bus_message_get_member(message),
                              interactive ? kAllowUserInteraction : 0, "");
    call_and_forget(
        request->bus(), call, [request](sd_bus_message *reply) { take_answer(request, reply); },
        interactive ? kInteractiveTimeout : kPolkitTimeout);
}

void decide(const RequestPtr &request) {
    const char *scope = nullptr;
    const bool is_user_bus =
        sd_bus_get_scope(request->bus(), &scope) >= 0 && std::string_view(scope) == "user";
    if (request->uid == 0u || (is_user_bus && request->uid == geteuid()))
        return request->allow();
    if (is_user_bus)
        return request->deny("Access denied: this bus serves one user");
    ask_polkit(request);
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
