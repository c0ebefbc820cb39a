// SPDX-License-Identifier: MIT
//
// Members of QEMU's JSON objects by their type: of another type, or none at all, they count as
// empty.
#pragma once

#include <nlohmann/json.hpp>

#include <cstdint>

namespace qemunit::bus {

inline const nlohmann::json *json_member(const nlohmann::json &object, const char *key) {
    const auto found = object.is_object() ? object.find(key) : object.end();
    return object.is_object() && found != object.end() ? &*found : nullptr;
}

inline bool json_flag(const nlohmann::json &object, const char *key) {
    const nlohmann::json *value = json_member(object, key);
    return value && value->is_boolean() && value->get<bool>();
}

inline uint64_t json_number(const nlohmann::json &object, const char *key) {
    const nlohmann::json *value = json_member(object, key);
    return value && value->is_number_unsigned() ? value->get<uint64_t>() : 0;
}

}  // namespace qemunit::bus
