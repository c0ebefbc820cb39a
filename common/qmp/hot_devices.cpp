// SPDX-License-Identifier: MIT
#include "common/qmp/hot_devices.h"

#include "common/concat.h"
#include "common/shared_names.h"

namespace qemunit {

std::string hot_device_text(std::string_view id) {
    if (id.starts_with(kHotDriveIds))
        return concat("the drive '", id.substr(kHotDriveIds.size()), "'");
    if (id.starts_with(kHotNetworkIds))
        return concat("the network '", id.substr(kHotNetworkIds.size()), "'");
    if (id.starts_with(kHotProcessorIds))
        return "a processor";
    return id.starts_with(kHotMemoryIds) ? "memory" : "";
}

}  // namespace qemunit
