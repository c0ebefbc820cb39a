// SPDX-License-Identifier: MIT
//
// The devices of the host that a QEMU has, by its answers: what is in them nobody can save with the
// guest.
#pragma once

#include <nlohmann/json.hpp>

#include <string>

namespace qemunit {

// Names of those in an answer of qom-list, of /machine/peripheral or /machine/peripheral-anon:
// "'gpu', 'stick'"; "" if there is none. One without an id has its kind for a name.
std::string host_devices_in(const nlohmann::json &children);

}  // namespace qemunit
