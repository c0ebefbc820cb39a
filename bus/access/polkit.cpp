// SPDX-License-Identifier: MIT
#include "bus/access/polkit.h"

#include <fmt/format.h>

#include <deque>
#include <map>
#include <string_view>
#include <utility>

#include "common/bus_call.h"
#include "common/timer.h"

namespace qemunit::bus {

namespace {

// polkit may have to be started. This and the time that QEMU gets after that (take_decision() in
// vm_call.cpp) are together below the 25 s of sd_bus_call(3).
constexpr uint64_t kPolkitTimeout = 8 * kSecond;
// A person has to find and type a password.
constexpr uint64_t kPersonTimeout = 60 * kSecond;

constexpr char kPolkit[] = "org.freedesktop.PolicyKit1";

constexpr uint32_t kAllowUserInteraction = 1;  // CheckAuthorizationFlags of polkit

// Each question is a call that the bus counts until polkit answers, whether or not we still wait
// for the answer. The bus grants 128 such calls (max_replies_per_connection in bus/config-parser.c
// of dbus-daemon): a caller who has them all open, with an agent that asks nobody or a polkit that
// stands still, would make this daemon deaf for everybody. Some calls are left for systemd.
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
    static constexpr unsigned kMax = 48;
    static constexpr unsigned kMaxOfUser = 8;
    unsigned all_ = 0;
    std::map<uint32_t, unsigned> of_user_;
};

// A question whose answer somebody waits for. Answers once, by the deadline at the latest.
class Question {
  public:
    Question(PolkitQuestion what, PolkitAnswered answered)
        : what_(std::move(what)), answered_(std::move(answered)) {}

    const PolkitQuestion &what() const { return what_; }
    uint32_t uid() const { return *what_.caller->uid; }
    bool is_wanted() const { return answered_ && what_.caller->is_there; }
    // `late`: called if no answer has come by then.
    void start(sd_event *event, uint64_t timeout, std::function<void()> late) {
        auto timer = start_timer(event, monotonic_now(event) + timeout, std::move(late));
        if (timer)
            timer_ = std::move(*timer);
        else
            answer({PolkitAnswer::Kind::none, timer.error().message});
    }
    void answer(const PolkitAnswer &answer) {
        timer_.reset();
        if (const PolkitAnswered answered = std::exchange(answered_, nullptr))
            answered(answer);
    }

  private:
    const PolkitQuestion what_;
    PolkitAnswered answered_;  // empty as soon as the answer was given
    EventSourcePtr timer_;
};
using QuestionPtr = std::shared_ptr<Question>;

// The questions of this process to polkit; the process has one bus.
struct Polkit {
    bool is_here = true;
    OpenQuestions open, open_to_persons;
    std::deque<QuestionPtr> waiting;
};

Polkit &polkit() {
    static Polkit of_process;
    return of_process;
}

Result<MessagePtr> new_polkit_call(sd_bus *bus, const char *member) {
    return new_method_call(bus, kPolkit, "/org/freedesktop/PolicyKit1/Authority",
                           "org.freedesktop.PolicyKit1.Authority", member);
}

Result<MessagePtr> new_check(sd_bus *bus, const PolkitQuestion &question, uint32_t flags,
                             const std::string &cancellation_id) {
    auto call = new_polkit_call(bus, "CheckAuthorization");
    if (call)
        sd_bus_message_append(call->get(), "(sa{sv})sa{ss}us", "system-bus-name", 1, "name", "s",
                              question.caller->name.c_str(), question.action, 2, "vm",
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

// Without this, the person's dialog would stay open, and the bus would go on to count the call.
void cancel(sd_bus *bus, const std::string &cancellation_id) {
    auto call = new_polkit_call(bus, "CancelCheckAuthorization");
    if (!call)
        return;
    sd_bus_message_append(call->get(), "s", cancellation_id.c_str());
    sd_bus_message_set_auto_start(call->get(), 0);
    call_and_forget(
        bus, call, [](sd_bus_message *) {}, kPolkitTimeout);
}

// Without a deadline of sd-bus: the place is free when the bus counts the call no more.
void send_question(sd_bus *bus, const QuestionPtr &question, uint32_t flags, const std::string &id,
                   OpenQuestions &place, std::string_view no, std::function<void()> then) {
    call_and_forget(
        bus, new_check(bus, question->what(), flags, id),
        [question, &place, no = std::string(no), then = std::move(then)](sd_bus_message *reply) {
            place.close(question->uid());
            question->answer(read_answer(reply, no));
            then();
        },
        UINT64_MAX);
}

// Takes the first question that may be sent out of the queue; drops those that nobody waits for.
QuestionPtr next_question() {
    std::erase_if(polkit().waiting, [](const QuestionPtr &question) {
        if (!question->is_wanted())
            question->answer({PolkitAnswer::Kind::none, "the caller has left"});
        return !question->is_wanted();
    });
    for (auto at = polkit().waiting.begin(); at != polkit().waiting.end(); ++at)
        if (polkit().open.open((*at)->uid())) {
            QuestionPtr question = std::move(*at);
            polkit().waiting.erase(at);
            return question;
        }
    return nullptr;
}

void send_what_waits(sd_bus *bus) {
    while (const QuestionPtr question = next_question())
        send_question(bus, question, 0, "", polkit().open,
                      fmt::format("polkit does not allow {} for VM '{}'", question->what().action,
                                  question->what().vm),
                      [bus] { send_what_waits(bus); });
}

}  // namespace

void look_for_polkit(sd_bus *bus) {
    const auto is_known = [bus](const char *call) {
        auto message = new_method_call(bus, "org.freedesktop.DBus", "/org/freedesktop/DBus",
                                       "org.freedesktop.DBus", call);
        sd_bus_message *raw = nullptr;
        if (!message || sd_bus_call(bus, message->get(), kPolkitTimeout, nullptr, &raw) < 0)
            return true;
        const MessagePtr reply = own_message(raw);
        const char *name = nullptr;
        int r = sd_bus_message_enter_container(raw, 'a', "s");
        while (r >= 0 && (r = sd_bus_message_read(raw, "s", &name)) > 0)
            if (name == std::string_view(kPolkit))
                return true;
        return r < 0;
    };
    polkit().is_here = is_known("ListActivatableNames") || is_known("ListNames");
}

bool has_polkit() {
    return polkit().is_here;
}

void ask_polkit(sd_bus *bus, const PolkitQuestion &what, const PolkitAnswered &answered) {
    const auto question = std::make_shared<Question>(what, answered);
    question->start(sd_bus_get_event(bus), kPolkitTimeout, [question] {
        question->answer(
            {PolkitAnswer::Kind::none, fmt::format("not within {} s", kPolkitTimeout / kSecond)});
    });
    polkit().waiting.push_back(question);
    send_what_waits(bus);
}

void ask_person(sd_bus *bus, const PolkitQuestion &what, const PolkitAnswered &answered) {
    static uint64_t last_id = 0;
    if (!polkit().open_to_persons.open(*what.caller->uid))
        return answered({PolkitAnswer::Kind::too_many, ""});
    const std::string id = fmt::to_string(++last_id);
    const auto question = std::make_shared<Question>(what, answered);
    question->start(sd_bus_get_event(bus), kPersonTimeout, [bus, question, id] {
        cancel(bus, id);
        question->answer({PolkitAnswer::Kind::no,
                          fmt::format("nobody has answered the question for a password within {} s",
                                      kPersonTimeout / kSecond)});
    });
    send_question(bus, question, kAllowUserInteraction, id, polkit().open_to_persons,
                  "nobody has authenticated", [] {});
}

}  // namespace qemunit::bus
