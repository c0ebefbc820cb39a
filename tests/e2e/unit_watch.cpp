// SPDX-License-Identifier: MIT
#include "tests/e2e/unit_watch.h"

#include "tests/e2e/bus.h"
#include "tests/e2e/process.h"

namespace qemunit::e2e {

namespace {
constexpr const char *kService = "org.freedesktop.systemd1";
constexpr const char *kManager = "org.freedesktop.systemd1.Manager";
constexpr const char *kManagerPath = "/org/freedesktop/systemd1";
}  // namespace

Result<> wait_for_state(const std::string &unit, const std::string &state, Deadline deadline) {
    return wait_for_property(unit, "ActiveState", state, deadline);
}

Result<> wait_for_property(const std::string &unit, const std::string &property,
                           const std::string &value, Deadline deadline) {
    BusPtr bus = open_system_bus();
    if (!bus)
        return fail(ECONNREFUSED, "no system bus");
    // systemd sends signals to those who subscribed.
    sd_bus_call_method(bus.get(), kService, kManagerPath, kManager, "Subscribe", nullptr, nullptr,
                       nullptr);
    char *path = nullptr;
    sd_bus_path_encode("/org/freedesktop/systemd1/unit", unit.c_str(), &path);
    const std::string object(path);
    free(path);
    const std::string match = "type='signal',sender='" + std::string(kService) +
                              "',member='PropertiesChanged',path='" + object + "'";
    sd_bus_add_match(bus.get(), nullptr, match.c_str(), nullptr, nullptr);

    for (;;) {
        const std::string now = unit_property(unit, property);
        if (now == value)
            return {};
        if (deadline.passed())
            return fail(ETIMEDOUT,
                        property + " of " + unit + " is '" + now + "', not '" + value + "'");
        sd_bus_wait(bus.get(), deadline.usec_left());
        while (sd_bus_process(bus.get(), nullptr) > 0) {
        }
    }
}

std::string unit_property(const std::string &unit, const std::string &property) {
    return trimmed(run({"systemctl", "show", "--value", "--property=" + property, unit}).output);
}

}  // namespace qemunit::e2e
