// SPDX-License-Identifier: MIT
#include "ctl/console/unit_watch.h"

#include <fmt/format.h>

#include "ctl/vm/vm_bus.h"

namespace qemunit::ctl {

Result<std::unique_ptr<UnitWatch>> UnitWatch::open(sd_bus *bus, const std::string &vm,
                                                   std::function<void()> changed) {
    std::unique_ptr<UnitWatch> watch(new UnitWatch(bus, vm, std::move(changed)));
    // The second rule tells that systemd was executed anew, and has forgotten who subscribed.
    for (const std::string &rule :
         {fmt::format("type='signal',sender='{}',path='{}',interface='org.freedesktop.DBus."
                      "Properties',member='PropertiesChanged'",
                      kSystemdName, unit_object_path(vm)),
          fmt::format("type='signal',sender='org.freedesktop.DBus',member='NameOwnerChanged',"
                      "arg0='{}'",
                      kSystemdName)})
        if (auto added = watch->match(rule); !added)
            return std::unexpected(added.error());
    if (auto subscribed = watch->subscribe(); !subscribed)
        return std::unexpected(subscribed.error());
    return watch;
}

Result<> UnitWatch::match(const std::string &rule) {
    sd_bus_slot *slot = nullptr;
    const int r = sd_bus_add_match(
        bus_, &slot, rule.c_str(),
        [](sd_bus_message *message, void *userdata, sd_bus_error *) {
            auto *watch = static_cast<UnitWatch *>(userdata);
            if (sd_bus_message_is_signal(message, nullptr, "NameOwnerChanged"))
                (void)watch->subscribe();
            watch->changed_();
            return 0;
        },
        this);
    if (r < 0)
        return fail_errno(r, "cannot watch the VM's unit");
    matches_.emplace_back(slot);
    return {};
}

// systemd sends signals only while somebody asked for them.
Result<> UnitWatch::subscribe() {
    const int r =
        sd_bus_call_method(bus_, kSystemdName, "/org/freedesktop/systemd1",
                           "org.freedesktop.systemd1.Manager", "Subscribe", nullptr, nullptr, "");
    // EEXIST is systemd's AlreadySubscribed, which is as good.
    if (r < 0 && r != -EEXIST && r != -EINVAL)
        return fail_errno(r, "cannot ask systemd for signals");
    return {};
}

std::string UnitWatch::current_invocation() const {
    const auto state = unit_property(bus_, vm_, "Unit", "ActiveState", "s");
    const char *text = nullptr;
    if (!state || sd_bus_message_read(state->get(), "s", &text) < 0 ||
        (text != std::string_view("activating") && text != std::string_view("active")))
        return {};
    const auto invocation = unit_property(bus_, vm_, "Unit", "InvocationID", "ay");
    const void *bytes = nullptr;
    std::size_t size = 0;
    if (!invocation || sd_bus_message_read_array(invocation->get(), 'y', &bytes, &size) < 0)
        return {};
    const auto *first = static_cast<const char *>(bytes);
    return {first, first + size};
}

}  // namespace qemunit::ctl
