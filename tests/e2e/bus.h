// SPDX-License-Identifier: MIT
//
// Calls to org.qemunit1 on the system bus, as a program makes them.
#pragma once

#include <systemd/sd-bus.h>

#include <deque>
#include <memory>
#include <optional>
#include <string>

#include "common/unique_fd.h"
#include "tests/e2e/deadline.h"

namespace qemunit::e2e {

struct BusDeleter {
    void operator()(sd_bus *bus) const { sd_bus_flush_close_unref(bus); }
};
using BusPtr = std::unique_ptr<sd_bus, BusDeleter>;

BusPtr open_system_bus();
// "/org/qemunit1/vm/vm1"
std::string vm_path(const std::string &vm);

// Sees org.qemunit1 lose its owner, from when this object was made.
class NameWatch {
  public:
    NameWatch();
    bool wait_for_loss(Deadline deadline = Deadline());

  private:
    static int on_signal(sd_bus_message *message, void *userdata, sd_bus_error *);

    BusPtr bus_;
    bool is_lost_ = false;
};

// Sees the PropertiesChanged signals of a VM's State=, from when this object was made.
class StateWatch {
  public:
    explicit StateWatch(const std::string &vm);
    // Until a signal says that the state is now `state`; earlier ones are skipped.
    bool wait_for(const std::string &state, Deadline deadline = Deadline());

  private:
    static int on_signal(sd_bus_message *message, void *userdata, sd_bus_error *);

    BusPtr bus_;
    std::deque<std::string> states_;
};

// How a call ended: a text, or the name of an error.
struct BusReply {
    std::string value;
    std::string error;  // "org.qemunit1.Error.Timeout"
    std::string message;
};
std::ostream &operator<<(std::ostream &stream, const BusReply &reply);

// A call that is on its way. Several may be, on connections of their own.
class PendingCall {
  public:
    // Method of org.qemunit1.VM of `vm`; `argument`: one string, if it takes one.
    PendingCall(const std::string &vm, const char *method,
                std::optional<std::string> argument = std::nullopt);
    PendingCall(const PendingCall &) = delete;
    PendingCall &operator=(const PendingCall &) = delete;

    // Whether the answer is here; never waits.
    bool is_answered();
    BusReply wait(Deadline deadline = Deadline());

  private:
    static int on_reply(sd_bus_message *message, void *userdata, sd_bus_error *);

    BusPtr bus_;
    std::optional<BusReply> reply_;
};

// One call, its answer.
BusReply call_vm(const std::string &vm, const char *method,
                 std::optional<std::string> argument = std::nullopt);

// One that is answered with a file descriptor; `value` stays empty.
struct BusFd : BusReply {
    UniqueFd fd;
};
BusFd call_for_fd(const std::string &vm, const char *method,
                  std::optional<std::string> argument = std::nullopt);

// "info status" on the VM's monitor.
BusReply monitor_command(const std::string &vm, const std::string &command);
// QEMU's "info status".
std::string status_of_qemu(const std::string &vm);

}  // namespace qemunit::e2e
