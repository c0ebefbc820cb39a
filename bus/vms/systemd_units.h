// SPDX-License-Identifier: MIT
//
// What systemd says about the units of VMs: a list on demand, then their changes as
// signals (org.freedesktop.systemd1(5)). Every call is asynchronous. Never loads, starts or stops a
// unit.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/bus_call.h"
#include "common/bus_ptr.h"
#include "common/result.h"

namespace qemunit::bus {

class SystemdUnits {
  public:
    struct Unit {
        std::string vm;
        std::string active_state;  // "active", "inactive", …
    };

    // What changed is there.
    struct Change {
        std::string vm;
        std::optional<std::string> active_state;
        std::optional<uint32_t> main_pid;
    };

    struct Callbacks {
        std::function<void(const Change &)> changed;
        // systemd has reloaded its units, or was executed anew: the last list is out of date.
        std::function<void()> reloaded;
    };

    static Result<std::unique_ptr<SystemdUnits>> watch(sd_bus *bus, Callbacks callbacks);
    SystemdUnits(const SystemdUnits &) = delete;
    SystemdUnits &operator=(const SystemdUnits &) = delete;

    // Lists the loaded units of VMs; a VM that is not in the list is off. A newer call replaces an
    // older one. Changes are reported from the first list on, and never before the list that they
    // amend.
    void list(const std::function<void(Result<std::vector<Unit>>)> &listed);

    // `answered` gets 0 where systemd has nothing to say.
    void get_main_pid(const std::string &vm, const std::function<void(uint32_t)> &answered);
    bool is_listing() const { return list_call_ != nullptr; }
    bool is_waiting() const { return list_call_ || !pid_calls_.empty(); }

  private:
    SystemdUnits(sd_bus *bus, Callbacks callbacks);
    Result<> add_matches();
    Result<> match(const char *rule, sd_bus_message_handler_t handler);
    void subscribe();
    bool is_from_systemd(sd_bus_message *message) const;
    static int on_properties_changed(sd_bus_message *message, void *userdata, sd_bus_error *);
    static int on_reloading(sd_bus_message *message, void *userdata, sd_bus_error *);
    static int on_name_owner_changed(sd_bus_message *message, void *userdata, sd_bus_error *);

    sd_bus *bus_;
    Callbacks callbacks_;
    std::string systemd_;  // unique name of systemd's connection, from its replies
    std::vector<SlotPtr> matches_;
    SlotPtr subscribe_call_;
    SlotPtr list_call_;
    std::map<std::string, SlotPtr> pid_calls_;
};

}  // namespace qemunit::bus
