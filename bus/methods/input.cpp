// SPDX-License-Identifier: MIT
//
// SendKeys, TypeText and MoveMouse of org.qemunit1.VM.
#include <fmt/format.h>

#include <algorithm>
#include <deque>
#include <iterator>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "bus/methods/keyboard.h"
#include "bus/methods/methods.h"
#include "bus/methods/vm_call.h"
#include "bus/vms/configured_vms.h"
#include "common/bus_errors.h"
#include "common/paths.h"
#include "common/utf8.h"

namespace qemunit::bus {

using nlohmann::json;

namespace {

// A person types some 10 keys a second. At this pace an emulated PC on a busy machine does
// not lose a key of a page of text (tests/e2e/input_test.cpp).
constexpr uint64_t kHold = 30 * kMillisecond;
constexpr uint64_t kRelease = 30 * kMillisecond;

constexpr std::size_t kTextMax = 4096;  // bytes; some four minutes
constexpr std::size_t kKeysMax = 8;     // held together

// A PS/2 mouse reports at most this in one packet, and holds four of those. (QEMU keeps the rest
// of a longer way back until the mouse next moves.)
constexpr int kMouseStep = 120;
constexpr uint64_t kMousePause = 10 * kMillisecond;
constexpr int kMouseMax = 10'000;

json key_event(const std::string &key, bool down) {
    return {{"type", "key"},
            {"data", {{"down", down}, {"key", {{"type", "qcode"}, {"data", key}}}}}};
}

// Pressed in one step, released in the next.
InputStep press(const Chord &chord) {
    json events = json::array();
    for (const std::string &key : chord)
        events.push_back(key_event(key, true));
    return {std::move(events), kHold, /*leaves_keys_down=*/true};
}

InputStep release_keys(const Chord &chord) {
    json events = json::array();
    for (const std::string &key : chord)
        events.insert(events.begin(), key_event(key, false));
    return {std::move(events), kRelease};
}

// Types the characters of a text that the keyboard has, one after the other, each by its chords.
class Typing {
  public:
    Typing(std::u32string text, Layout layout) : text_(std::move(text)), layout_(layout) {}

    std::optional<InputStep> operator()() {
        if (held_)
            return release_keys(*std::exchange(held_, std::nullopt));
        if (chords_.empty()) {
            if (at_ == text_.size())
                return std::nullopt;
            std::string character;
            append_utf8(character, text_[at_++]);
            std::ranges::copy(chords_of(character, layout_).value_or(std::vector<Chord>()),
                              std::back_inserter(chords_));
        }
        held_ = std::move(chords_.front());
        chords_.pop_front();
        return press(*held_);
    }

  private:
    std::u32string text_;
    Layout layout_;
    std::size_t at_ = 0;
    std::deque<Chord> chords_;  // what is left of those of one character
    std::optional<Chord> held_;
};

json move_event(const char *axis, int way) {
    return {{"type", "rel"}, {"data", {{"axis", axis}, {"value", way}}}};
}

// Each step has a deadline of its own.
void give_input(const CallPtr &call, InputSteps steps) {
    const auto vm = call->vm.lock();
    if (!vm)
        return;
    vm->input().add(
        std::move(steps), [call] { return !call->open.has_left(); },
        [call](const VmMonitor::Reply &reply) {
            if (reply)
                reply_done(*call);
            else
                reply_error(*call, reply.error());
        });
}

// What is wrong with them, or "".
std::string keys_fault(const Chord &keys) {
    if (keys.empty())
        return "There is no key to press";
    if (keys.size() > kKeysMax)
        return fmt::format(
            "More than {} keys at once; they are pressed together, not one after "
            "the other",
            kKeysMax);
    for (const std::string &name : keys)
        if (std::string fault = key_fault(name); !fault.empty())
            return fault;
    if (std::set<std::string>(keys.begin(), keys.end()).size() != keys.size())
        return "A key can be pressed only once at a time";
    return "";
}

void send_keys(const CallPtr &call) {
    Chord keys;
    sd_bus_message *message = call->message.get();
    int r = sd_bus_message_enter_container(message, 'a', "s");
    const char *key = nullptr;
    while (r >= 0 && keys.size() <= kKeysMax && (r = sd_bus_message_read(message, "s", &key)) > 0)
        keys.emplace_back(key);
    if (!is_read(*call, r))
        return;
    if (const std::string fault = keys_fault(keys); !fault.empty())
        return reply_invalid(*call, fault);
    give_input(call, [keys, step = 0]() mutable -> std::optional<InputStep> {
        switch (step++) {
            case 0:
                return press(keys);
            case 1:
                return release_keys(keys);
            default:
                return std::nullopt;
        }
    });
}

void type_text(const CallPtr &call) {
    const char *text = nullptr;
    if (!read_arguments(*call, "s", &text))
        return;
    if (std::string_view(text).size() > kTextMax)
        return reply_invalid(*call, fmt::format("The text is longer than {} bytes", kTextMax));
    const auto vm = call->vm.lock();
    if (!vm)
        return;
    const auto layout = layout_of(configured_keyboard(vm->paths().generator_output(), vm->name()));
    if (!layout)
        return reply_invalid(*call, layout.error());
    if (const auto chords = chords_of(text, *layout); !chords)
        return reply_invalid(*call, chords.error());
    give_input(call, Typing(decode_utf8(text), *layout));
}

// Relative only. A guest with a tablet (Display=vnc) has the PS/2 mouse of its board beside it,
// and that is the one that moves.
void move_mouse(const CallPtr &call) {
    int x = 0, y = 0;
    if (!read_arguments(*call, "ii", &x, &y))
        return;
    if (x > kMouseMax || x < -kMouseMax || y > kMouseMax || y < -kMouseMax)
        return reply_invalid(*call,
                             fmt::format("The mouse moves at most {} steps at once", kMouseMax));
    give_input(call, [x, y]() mutable -> std::optional<InputStep> {
        if (!x && !y)
            return std::nullopt;
        const int dx = std::clamp(x, -kMouseStep, kMouseStep);
        const int dy = std::clamp(y, -kMouseStep, kMouseStep);
        x -= dx;
        y -= dy;
        json events = json::array();
        if (dx)
            events.push_back(move_event("x", dx));
        if (dy)
            events.push_back(move_event("y", dy));
        return InputStep{std::move(events), kMousePause};
    });
}

int begin_input(sd_bus_message *message, void *userdata, sd_bus_error *error,
                void (*go)(const CallPtr &)) {
    return begin_call(message, userdata, {Action::control, "input-send-event"}, error, go);
}

int method_send_keys(sd_bus_message *message, void *userdata, sd_bus_error *error) {
    return begin_input(message, userdata, error, send_keys);
}

int method_type_text(sd_bus_message *message, void *userdata, sd_bus_error *error) {
    return begin_input(message, userdata, error, type_text);
}

int method_move_mouse(sd_bus_message *message, void *userdata, sd_bus_error *error) {
    return begin_input(message, userdata, error, move_mouse);
}

}  // namespace

const sd_bus_vtable kInputMethods[] = {
    SD_BUS_VTABLE_START(0),
    SD_BUS_METHOD_WITH_ARGS("SendKeys", SD_BUS_ARGS("as", keys), SD_BUS_NO_RESULT, method_send_keys,
                            kAnybody),
    SD_BUS_METHOD_WITH_ARGS("TypeText", SD_BUS_ARGS("s", text), SD_BUS_NO_RESULT, method_type_text,
                            kAnybody),
    SD_BUS_METHOD_WITH_ARGS("MoveMouse", SD_BUS_ARGS("i", x, "i", y), SD_BUS_NO_RESULT,
                            method_move_mouse, kAnybody),
    SD_BUS_VTABLE_END,
};

}  // namespace qemunit::bus
