// SPDX-License-Identifier: MIT
//
// Options of a call, a{sv}.
#pragma once

#include <systemd/sd-bus.h>

#include <functional>
#include <string_view>

namespace qemunit::bus {

// `take` gets the name of an option and the type of its value, and reads the variant, or skips it.
// Less than 0 if the message, or `take`, has an error.
int read_options(sd_bus_message *message,
                 const std::function<int(std::string_view name, std::string_view type)> &take);

}  // namespace qemunit::bus
