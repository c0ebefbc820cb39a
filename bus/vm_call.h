// SPDX-License-Identifier: MIT
//
// A call of a method of org.qemunit1.VM from its arrival to its one answer: whether the
// caller may, QEMU's commands with a deadline, errors by their names on the bus. The
// method handlers are made of this.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "bus/authorization.h"
#include "bus/vm.h"
#include "common/bus_ptr.h"

namespace qemunit {

// Below the 25 s after which callers give up by themselves (sd_bus_call(3)), so that
// they see our error.
inline constexpr uint64_t kUsualTimeout = 20 * kSecond;

struct Call {
    MessagePtr message;
    std::weak_ptr<Vm> vm;
    std::string vm_name;
    std::string asked;      // what the caller asked for, as errors name it
    uint64_t timeout = 0;   // µs
    uint64_t deadline = 0;  // when that is over, CLOCK_MONOTONIC
};
using CallPtr = std::shared_ptr<const Call>;

struct CallKind {
    Action action;
    std::string asked;
    uint64_t timeout = kUsualTimeout;
};

// The last thing a handler does, when the arguments are right: `go` is called if the caller may
// do this and the VM can be talked to, and has to see to an answer. `userdata` is the Vm.
int begin_call(sd_bus_message *message, void *userdata, CallKind kind, sd_bus_error *error,
               std::function<void(const CallPtr &)> go);

// QEMU's answer, whatever it is. A VM that is gone is one that was disconnected.
void execute(const CallPtr &call, std::string_view command, nlohmann::json arguments,
             VmMonitor::ReplyCallback answered, UniqueFd fd = {});

// The same for the good answer; a bad one is the caller's.
using Then = std::function<void(const nlohmann::json &)>;
void ask(const CallPtr &call, std::string_view command, nlohmann::json arguments, Then then);

// One line for the human monitor, its output.
void ask_hmp(const CallPtr &call, const std::string &line,
             std::function<void(const std::string &)> then);

// Answers.
void reply_error(const Call &call, const char *error, const std::string &text);
void reply_error(const Call &call, const QmpError &error);
void reply_done(const Call &call);
void reply_text(const Call &call, const std::string &text);
void reply_fd(const Call &call, const UniqueFd &fd);

// Whoever has paused a VM shall see it paused: the answer waits for State to follow.
void reply_with_state(const CallPtr &call);

// For a handler: InvalidArgument, with why.
int invalid(sd_bus_error *error, const std::string &text);

// The arguments of a method that passes a command on: its name, and its arguments as a JSON object
// or "" for none, which is null here. Negative if they are not that.
struct JsonCommand {
    std::string name;
    nlohmann::json arguments;
};
int read_json_command(sd_bus_message *message, JsonCommand &command, sd_bus_error *error);

}  // namespace qemunit
