// SPDX-License-Identifier: MIT
#include "common/qmp/host_devices.h"

#include <gtest/gtest.h>

namespace qemunit {
namespace {

using nlohmann::json;

TEST(HostDevicesInTest, AreThoseOfTheHost) {
    EXPECT_EQ(host_devices_in(json::parse(R"([
        {"name": "type", "type": "string"},
        {"name": "root", "type": "child<virtio-blk-pci>"},
        {"name": "gpu", "type": "child<vfio-pci>"},
        {"name": "stick", "type": "child<usb-host>"},
        {"name": "device[2]", "type": "child<usb-host>"}])")),
              "'gpu', 'stick', 'usb-host'");
    for (const char *none :
         {"[]", "null", "{}", R"([{"name": "a"}, 3, {"type": "child<usb-host"}])",
          R"([{"name": "a", "type": "link<vfio-pci>"}])"})
        EXPECT_EQ(host_devices_in(json::parse(none)), "") << none;
}

}  // namespace
}  // namespace qemunit
