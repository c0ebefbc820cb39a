// SPDX-License-Identifier: MIT
#include "common/vm_name.h"

#include <algorithm>

#include "common/ascii.h"

namespace qemunit {

namespace {

bool is_name_char(char c) {
    return is_alphanumeric_or(c, "_.-");
}

constexpr std::string_view kPrefix = "qemu@";
constexpr std::string_view kSuffix = ".service";

}  // namespace

bool is_vm_name(std::string_view name) {
    return !name.empty() && name.size() <= kVmNameMax && is_alphanumeric(name.front()) &&
           std::ranges::all_of(name, is_name_char);
}

bool is_device_name(std::string_view name) {
    return !name.empty() && name.size() <= kDeviceNameMax && is_letter(name.front()) &&
           std::ranges::all_of(name, is_name_char);
}

std::string service_unit(std::string_view vm) {
    return std::string(kPrefix).append(vm).append(kSuffix);
}

std::optional<std::string> vm_of_service_unit(std::string_view unit) {
    if (!unit.starts_with(kPrefix) || !unit.ends_with(kSuffix) ||
        unit.size() <= kPrefix.size() + kSuffix.size())
        return std::nullopt;
    unit.remove_prefix(kPrefix.size());
    unit.remove_suffix(kSuffix.size());
    if (!is_vm_name(unit))
        return std::nullopt;
    return std::string(unit);
}

}  // namespace qemunit
