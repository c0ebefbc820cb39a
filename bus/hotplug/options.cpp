// SPDX-License-Identifier: MIT
#include "bus/hotplug/options.h"

namespace qemunit::bus {

int read_options(sd_bus_message *message,
                 const std::function<int(std::string_view name, std::string_view type)> &take) {
    int r = sd_bus_message_enter_container(message, 'a', "{sv}");
    while (r >= 0 && (r = sd_bus_message_enter_container(message, 'e', "sv")) > 0) {
        const char *name = nullptr, *type = nullptr;
        if (r = sd_bus_message_read(message, "s", &name); r < 0)
            return r;
        if (r = sd_bus_message_peek_type(message, nullptr, &type); r < 0)
            return r;
        if (r = take(name, type); r < 0)
            return r;
        if (r = sd_bus_message_exit_container(message); r < 0)
            return r;
    }
    return r < 0 ? r : sd_bus_message_exit_container(message);
}

}  // namespace qemunit::bus
