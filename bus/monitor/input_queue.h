// SPDX-License-Identifier: MIT
//
// What is typed on a VM's keyboard and done with its mouse, step after step, at a pace that a guest
// keeps up with. Runs one task at a time, so that two texts that are typed at once do not mix.
// Owned by a Vm.
//
// QEMU does not tell when a guest has taken a key, and drops what finds no room: its PS/2
// keyboard holds 16 bytes (PS2_QUEUE_SIZE in hw/input/ps2.c), its USB one 16 keys
// (QUEUE_LENGTH in hw/input/hid.h), and a PC's BIOS 15 keystrokes. The pauses are what
// leaves the guest time.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <string>

#include "bus/monitor/vm_monitor.h"

namespace qemunit::bus {

// `events`: InputEvents of QEMU (qapi/ui.json), which happen at once; then a pause, in µs.
struct InputStep {
    nlohmann::json events;
    uint64_t pause;
    bool leaves_keys_down = false;  // which the next step releases
};

// Returns the next step at each call, and nothing at the end. Steps are made when their turn comes,
// since a page of text takes some thousand of them.
using InputSteps = std::function<std::optional<InputStep>()>;

class InputQueue {
  public:
    // `monitor` outlives it.
    InputQueue(sd_event *event, VmMonitor &monitor) : event_(event), monitor_(monitor) {}
    InputQueue(const InputQueue &) = delete;
    InputQueue &operator=(const InputQueue &) = delete;

    // `done` is called once, after the last pause, at the first step that fails, or when nobody
    // waits for it any more.
    void add(InputSteps steps, std::function<bool()> is_wanted, VmMonitor::ReplyCallback done);

    // The connection is gone.
    void fail_all(const std::string &reason);

  private:
    struct Task {
        InputSteps next_step;
        std::function<bool()> is_wanted;
        VmMonitor::ReplyCallback done;
    };

    void next();
    void finish(VmMonitor::Reply reply);

    sd_event *event_;
    VmMonitor &monitor_;
    std::deque<Task> tasks_;   // the first is at work
    bool is_down_ = false;     // keys of it
    uint64_t generation_ = 0;  // of replies to what fail_all() has ended nobody takes notice
    EventSourcePtr pause_;
};

}  // namespace qemunit::bus
