// SPDX-License-Identifier: MIT
#include "bus/input_methods.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <set>
#include <string>
#include <vector>

#include "bus/configured_vms.h"
#include "bus/keyboard.h"
#include "bus/vm_call.h"
#include "common/bus_errors.h"
#include "common/paths.h"

namespace qemunit {

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

void add_chord(std::vector<InputStep> &steps, const Chord &chord) {
    json press = json::array();
    json release = json::array();
    for (const std::string &key : chord) {
        press.push_back(key_event(key, true));
        release.insert(release.begin(), key_event(key, false));
    }
    steps.push_back({std::move(press), kHold});
    steps.push_back({std::move(release), kRelease});
}

json move_event(const char *axis, int way) {
    return {{"type", "rel"}, {"data", {{"axis", axis}, {"value", way}}}};
}

int begin_input(sd_bus_message *message, void *userdata, sd_bus_error *error,
                std::vector<InputStep> steps) {
    // Each step has a deadline of its own.
    return begin_call(message, userdata, {Action::control, "input-send-event"}, error,
                      [steps = std::move(steps)](const CallPtr &call) {
                          const auto vm = call->vm.lock();
                          if (!vm)
                              return;
                          vm->input().add(steps, [call](const VmMonitor::Reply &reply) {
                              if (reply)
                                  reply_done(*call);
                              else
                                  reply_error(*call, reply.error());
                          });
                      });
}

}  // namespace

int method_send_keys(sd_bus_message *message, void *userdata, sd_bus_error *error) {
    Chord keys;
    int r = sd_bus_message_enter_container(message, 'a', "s");
    const char *key = nullptr;
    while (r >= 0 && (r = sd_bus_message_read(message, "s", &key)) > 0)
        keys.emplace_back(key);
    if (r < 0)
        return r;
    if (keys.empty())
        return invalid(error, "There is no key to press");
    if (keys.size() > kKeysMax)
        return invalid(error, fmt::format("More than {} keys at once; they are pressed together, "
                                          "not one after the other",
                                          kKeysMax));
    for (const std::string &name : keys)
        if (const std::string fault = key_fault(name); !fault.empty())
            return invalid(error, fault);
    if (std::set<std::string>(keys.begin(), keys.end()).size() != keys.size())
        return invalid(error, "A key can be pressed only once at a time");
    std::vector<InputStep> steps;
    add_chord(steps, keys);
    return begin_input(message, userdata, error, std::move(steps));
}

int method_type_text(sd_bus_message *message, void *userdata, sd_bus_error *error) {
    const char *text = nullptr;
    if (int r = sd_bus_message_read(message, "s", &text); r < 0)
        return r;
    if (std::string_view(text).size() > kTextMax)
        return invalid(error, fmt::format("The text is longer than {} bytes", kTextMax));
    const auto &vm = *static_cast<Vm *>(userdata);
    const auto layout = layout_of(configured_keyboard(vm.paths().generator_output(), vm.name()));
    if (!layout)
        return invalid(error, layout.error());
    const auto chords = chords_of(text, *layout);
    if (!chords)
        return invalid(error, chords.error());
    std::vector<InputStep> steps;
    for (const Chord &chord : *chords)
        add_chord(steps, chord);
    return begin_input(message, userdata, error, std::move(steps));
}

// Relative only. A guest with a tablet (Display=vnc) has the PS/2 mouse of its board beside it,
// and that is the one that moves.
int method_move_mouse(sd_bus_message *message, void *userdata, sd_bus_error *error) {
    int x = 0;
    int y = 0;
    if (int r = sd_bus_message_read(message, "ii", &x, &y); r < 0)
        return r;
    if (x > kMouseMax || x < -kMouseMax || y > kMouseMax || y < -kMouseMax)
        return invalid(error, fmt::format("The mouse moves at most {} steps at once", kMouseMax));
    std::vector<InputStep> steps;
    while (x || y) {
        const int dx = std::clamp(x, -kMouseStep, kMouseStep);
        const int dy = std::clamp(y, -kMouseStep, kMouseStep);
        json events = json::array();
        if (dx)
            events.push_back(move_event("x", dx));
        if (dy)
            events.push_back(move_event("y", dy));
        steps.push_back({std::move(events), kMousePause});
        x -= dx;
        y -= dy;
    }
    return begin_input(message, userdata, error, std::move(steps));
}

}  // namespace qemunit
