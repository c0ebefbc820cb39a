// SPDX-License-Identifier: MIT
//
// Owning handles for sd-bus objects (sd-bus(3)). A slot that goes out of scope
// takes its match, call or object with it, so that its callback never runs again.
#pragma once

#include <systemd/sd-bus.h>

#include <cstdlib>
#include <memory>

namespace qemunit {

struct BusDeleter {
    void operator()(sd_bus *bus) const { sd_bus_flush_close_unref(bus); }
};
using BusPtr = std::unique_ptr<sd_bus, BusDeleter>;

struct SlotDeleter {
    void operator()(sd_bus_slot *slot) const { sd_bus_slot_unref(slot); }
};
using SlotPtr = std::unique_ptr<sd_bus_slot, SlotDeleter>;

// Shared, as the callbacks that hold a message until its answer are copied.
using MessagePtr = std::shared_ptr<sd_bus_message>;

inline MessagePtr own_message(sd_bus_message *message) {
    return {message, sd_bus_message_unref};
}

inline MessagePtr keep_message(sd_bus_message *message) {
    return own_message(sd_bus_message_ref(message));
}

// A string that a C library allocated for us.
struct FreeDeleter {
    void operator()(char *text) const { std::free(text); }
};
using CStringPtr = std::unique_ptr<char, FreeDeleter>;

}  // namespace qemunit
