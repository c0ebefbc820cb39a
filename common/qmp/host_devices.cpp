// SPDX-License-Identifier: MIT
#include "common/qmp/host_devices.h"

#include <string_view>

#include "common/concat.h"
#include "common/qmp/qmp_client.h"

namespace qemunit {

using nlohmann::json;

std::string host_devices_in(const json &children) {
    constexpr std::string_view kBegin = "child<";
    std::string names;
    if (!children.is_array())
        return names;
    for (const json &child : children) {
        std::string_view kind;
        const std::string type = string_at(child, "type"), name = string_at(child, "name");
        if (type.starts_with(kBegin) && type.ends_with('>'))
            kind = std::string_view(type).substr(kBegin.size(), type.size() - kBegin.size() - 1);
        if (kind != "usb-host" && !kind.starts_with("vfio-"))
            continue;
        append(names, names.empty() ? "'" : ", '", name.starts_with("device[") ? kind : name, "'");
    }
    return names;
}

}  // namespace qemunit
