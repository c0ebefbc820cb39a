// SPDX-License-Identifier: MIT
#include "bus/polkit.h"

#include <fmt/format.h>

#include <map>
#include <string_view>

#include "common/bus_call.h"
#include "common/timer.h"

namespace qemunit {

namespace {

// It may have to be started. Together with what QEMU gets after that, below the 25 s of
// sd_bus_call(3): see take_decision() in vm_call.cpp.
constexpr uint64_t kPolkitTimeout = 8 * kSecond;
// A person has to find and type a password.
constexpr uint64_t kPersonTimeout = 60 * kSecond;

constexpr uint32_t kAllowUserInteraction = 1;  // CheckAuthorizationFlags of polkit

// Each question is a call that the bus counts until polkit answers it, and of these it grants 128
// (max_replies_per_connection in bus/config-parser.c of dbus-daemon): whoever has them all open,
// with an agent that asks nobody, would make this daemon deaf for everybody.
class OpenQuestions {
  public:
    bool open(uint32_t uid) {
        if (all_ >= kMax || of_user_[uid] >= kMaxOfUser)
            return false;
        ++all_;
        ++of_user_[uid];
        return true;
    }
    void close(uint32_t uid) {
        --all_;
        if (--of_user_[uid] == 0)
            of_user_.erase(uid);
    }

  private:
    static constexpr unsigned kMax = 64;
    static constexpr unsigned kMaxOfUser = 8;
    unsigned all_ = 0;
    std::map<uint32_t, unsigned> of_user_;
};

OpenQuestions &open_questions() {
    static OpenQuestions questions;  // its owner is the process, which has one bus
    return questions;
}

Result<MessagePtr> new_polkit_call(sd_bus *bus, const char *member) {
    return new_method_call(bus, "org.freedesktop.PolicyKit1",
                           "/org/freedesktop/PolicyKit1/Authority",
                           "org.freedesktop.PolicyKit1.Authority", member);
}

Result<MessagePtr> new_check(sd_bus *bus, const PolkitQuestion &question, uint32_t flags,
                             const std::string &cancellation_id) {
    auto call = new_polkit_call(bus, "CheckAuthorization");
    if (call)
        sd_bus_message_append(call->get(), "(sa{sv})sa{ss}us", "system-bus-name", 1, "name", "s",
                              question.caller.c_str(), question.action, 2, "vm",
                              question.vm.c_str(), "verb", question.verb.c_str(), flags,
                              cancellation_id.c_str());
    return call;
}

// "polkit.dismissed" is in the details when a person has closed the dialog.
bool was_dismissed(sd_bus_message *reply) {
    const char *key = nullptr, *value = nullptr;
    if (sd_bus_message_enter_container(reply, 'a', "{ss}") < 0)
        return false;
    while (sd_bus_message_read(reply, "{ss}", &key, &value) > 0)
        if (std::string_view(key) == "polkit.dismissed")
            return true;
    return false;
}

PolkitAnswer read_answer(sd_bus_message *reply, std::string_view no) {
    using Kind = PolkitAnswer::Kind;
    if (!reply)
        return {Kind::none, "it cannot be asked"};
    if (const sd_bus_error *error = sd_bus_message_get_error(reply))
        return {Kind::none, error->message ? error->message : error->name};
    int authorized = 0;
    int challenge = 0;
    if (sd_bus_message_enter_container(reply, 'r', "bba{ss}") < 0 ||
        sd_bus_message_read(reply, "bb", &authorized, &challenge) < 0)
        return {Kind::none, "its answer makes no sense"};
    if (authorized)
        return {Kind::yes, ""};
    if (challenge)
        return {Kind::needs_person, ""};
    return {Kind::no,
            was_dismissed(reply) ? "the question for a password was dismissed" : std::string(no)};
}

// Otherwise the dialog would stay, and so would the call, for the bus.
void cancel(sd_bus *bus, const std::string &cancellation_id) {
    auto call = new_polkit_call(bus, "CancelCheckAuthorization");
    if (!call)
        return;
    sd_bus_message_append(call->get(), "s", cancellation_id.c_str());
    sd_bus_message_set_auto_start(call->get(), 0);
    call_and_forget(
        bus, call, [](sd_bus_message *) {}, kPolkitTimeout);
}

}  // namespace

void ask_polkit(sd_bus *bus, const PolkitQuestion &question, const PolkitAnswered &answered) {
    const std::string no =
        fmt::format("polkit does not allow {} for VM '{}'", question.action, question.vm);
    call_and_forget(
        bus, new_check(bus, question, 0, ""),
        [answered, no](sd_bus_message *reply) { answered(read_answer(reply, no)); },
        kPolkitTimeout);
}

void ask_person(sd_bus *bus, const PolkitQuestion &question, const PolkitAnswered &answered) {
    static uint64_t last_id = 0;
    if (!open_questions().open(question.uid))
        return answered({PolkitAnswer::Kind::too_many, ""});
    const std::string id = fmt::to_string(++last_id);
    const uint64_t deadline = monotonic_now(sd_bus_get_event(bus)) + kPersonTimeout;
    call_and_forget(
        bus, new_check(bus, question, kAllowUserInteraction, id),
        [bus, uid = question.uid, id, deadline, answered](sd_bus_message *reply) {
            open_questions().close(uid);
            PolkitAnswer answer = read_answer(reply, "nobody has authenticated");
            if (answer.kind == PolkitAnswer::Kind::none &&
                monotonic_now(sd_bus_get_event(bus)) >= deadline) {
                cancel(bus, id);
                answer = {PolkitAnswer::Kind::no,
                          fmt::format("nobody has answered the question for a password within {} s",
                                      kPersonTimeout / kSecond)};
            }
            answered(answer);
        },
        kPersonTimeout);
}

}  // namespace qemunit
