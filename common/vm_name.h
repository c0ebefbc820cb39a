// SPDX-License-Identifier: MIT
//
// Names of VMs and of their devices, and the unit that belongs to a VM. A VM's
// name is used raw as the instance of qemu@.service and as a file name, so
// only characters that neither systemd nor a path gives a meaning are legal.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace qemunit {

inline constexpr std::size_t kVmNameMax = 64;      // also the limit of a machine name
inline constexpr std::size_t kDeviceNameMax = 31;  // a virtio-serial port name has no more

// [A-Za-z0-9][A-Za-z0-9_.-]{0,63}
bool is_vm_name(std::string_view name);

// A QEMU id, util/id.c:id_wellformed(): a letter, then letters, digits, "-._".
bool is_device_name(std::string_view name);

// "qemu@vm1.service"
std::string service_unit(std::string_view vm);

// The VM of "qemu@vm1.service"; nothing for any other unit or an illegal name.
std::optional<std::string> vm_of_service_unit(std::string_view unit);

}  // namespace qemunit
