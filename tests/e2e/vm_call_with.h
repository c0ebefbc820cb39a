// SPDX-License-Identifier: MIT
//
// A call of org.qemunit1.VM with what busctl(1) cannot send: open files, and options with them.
#pragma once

#include <functional>
#include <string>

#include "tests/e2e/bus.h"

namespace qemunit::e2e {

using AppendArguments = std::function<int(sd_bus_message *)>;

// `append` adds the arguments with sd_bus_message_append(3).
inline BusReply call_vm_with(const std::string &vm, const char *method,
                             const AppendArguments &append) {
    constexpr uint64_t kTimeoutUsec = 650'000'000;  // longer than any of qemunitd's own
    const BusPtr bus = open_system_bus();
    sd_bus_message *raw = nullptr;
    sd_bus_error error = SD_BUS_ERROR_NULL;
    sd_bus_message *reply = nullptr;
    int r = sd_bus_message_new_method_call(bus.get(), &raw, "org.qemunit1",
                                           ("/org/qemunit1/vm/" + vm).c_str(), "org.qemunit1.VM",
                                           method);
    if (r >= 0)
        r = append(raw);
    if (r >= 0)
        r = sd_bus_call(bus.get(), raw, kTimeoutUsec, &error, &reply);
    BusReply result;
    if (r < 0) {
        result.error = error.name ? error.name : "cannot call";
        result.message = error.message ? error.message : strerror(-r);
    }
    if (const char *text = nullptr; r >= 0 && sd_bus_message_has_signature(reply, "s") &&
                                    sd_bus_message_read(reply, "s", &text) > 0)
        result.value = text;
    sd_bus_error_free(&error);
    sd_bus_message_unref(reply);
    sd_bus_message_unref(raw);
    return result;
}

// With one argument of that type of D-Bus.
template <typename Value>
BusReply call_vm_with_one(const std::string &vm, const char *method, const char *type,
                          Value value) {
    return call_vm_with(vm, method, [type, value](sd_bus_message *call) {
        return sd_bus_message_append(call, type, value);
    });
}

}  // namespace qemunit::e2e
