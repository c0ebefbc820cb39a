// SPDX-License-Identifier: MIT
//
// A call of a method of org.qemunit1.VM from its arrival to its one answer: authorization, QEMU's
// commands with a deadline, errors by their names on the bus. The method handlers are made of these
// functions.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "bus/access/authorization.h"
#include "bus/vms/vm.h"
#include "common/bus_ptr.h"

namespace qemunit::bus {

// Below the 25 s after which callers give up by themselves (sd_bus_call(3)), so that
// they see our error.
inline constexpr uint64_t kUsualTimeout = 20 * kSecond;

struct Call {
    MessagePtr message;
    std::weak_ptr<Vm> vm;
    std::string vm_name;
    std::string asked;      // what the caller asks of QEMU, as errors name it
    uint64_t timeout = 0;   // µs
    uint64_t deadline = 0;  // the end of `timeout`, CLOCK_MONOTONIC
    OpenCall open;
    std::shared_ptr<const void> held = {};  // what no other call may have until the answer
};
using CallPtr = std::shared_ptr<Call>;

struct CallKind {
    Action action;
    std::string asked;
    uint64_t timeout = kUsualTimeout;
};

// The only thing that a handler calls: `go` is called if the caller may do this and is still there,
// and if the VM can be talked to. Everything that takes time or memory, also to read the arguments,
// is left to `go`, which has to see to an answer. `userdata` is the Vm.
int begin_call(sd_bus_message *message, void *userdata, CallKind kind, sd_bus_error *error,
               std::function<void(const CallPtr &)> go);

// CLOCK_MONOTONIC, as of deadlines.
uint64_t now_of(const Call &call);

// For `go`: asks whether the caller may do this, too. A caller who may not is told `why` the call
// takes that right.
void authorize_further(const CallPtr &call, Action action, const std::string &why,
                       std::function<void()> then);

// For `go`: reads the arguments of the call, as sd_bus_message_read(3) does. Answers the call with
// an error if they cannot be read.
bool is_read(const Call &call, int r);
template <typename... Values>
bool read_arguments(const Call &call, const char *types, Values *...values) {
    return is_read(call, sd_bus_message_read(call.message.get(), types, values...));
}

// Gets QEMU's answer, whatever it is. A VM that does not exist any more counts as disconnected.
void execute(const CallPtr &call, std::string_view command, nlohmann::json arguments,
             VmMonitor::ReplyCallback answered, UniqueFd fd = {});

// The same, for the good answer only; an error goes to the caller.
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

// The answer waits until the property State has followed: a caller who has paused a VM sees it
// paused.
void reply_with_state(const CallPtr &call);

// InvalidArgument, with why.
void reply_invalid(const Call &call, const std::string &text);

// Reads the arguments of a method that passes a command on: the command's name, and its arguments
// as a JSON object, or "" for none, which is null here. Otherwise answers the call, and returns
// nothing.
struct JsonCommand {
    std::string name;
    nlohmann::json arguments;
};
std::optional<JsonCommand> read_json_command(const Call &call);

}  // namespace qemunit::bus
