// SPDX-License-Identifier: MIT
#include "common/vm_name.h"

#include <algorithm>

namespace qemunit {

namespace {

// Not isalnum(): that one depends on the locale.
bool is_letter(char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

bool is_name_char(char c) {
    return is_letter(c) || is_digit(c) || c == '_' || c == '.' || c == '-';
}

constexpr std::string_view kPrefix = "qemu@";
constexpr std::string_view kSuffix = ".service";

}  // namespace

bool is_vm_name(std::string_view name) {
    return !name.empty() && name.size() <= kVmNameMax &&
           (is_letter(name.front()) || is_digit(name.front())) &&
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
