// SPDX-License-Identifier: MIT
#include "bus/monitor/drive_devices.h"

#include <string_view>

#include "bus/monitor/hot_drive.h"
#include "common/qmp/qmp_client.h"

namespace qemunit::bus {

using nlohmann::json;

// Of a drive of the ini, "device"; of one that was attached, the device in "qdev":
// "/machine/peripheral/ID/virtio-backend" of a virtio drive, "ID" of others.
std::string drive_name(const json &device) {
    if (std::string name = string_at(device, "device"); !name.empty())
        return name.starts_with("pflash") ? "" : name;
    constexpr std::string_view kPeripheral = "/machine/peripheral/";
    const std::string qdev = string_at(device, "qdev");
    std::string_view id = qdev;
    if (id.starts_with(kPeripheral))
        id.remove_prefix(kPeripheral.size());
    return hot_drive_name(id.substr(0, id.find('/')));
}

bool is_ephemeral(const json &inserted) {
    return string_at(inserted, "node-name").starts_with('#') &&
           string_at(inserted, "file").find("/vl.") != std::string::npos;
}

}  // namespace qemunit::bus
