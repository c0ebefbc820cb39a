// SPDX-License-Identifier: MIT
#include "helper/start/host_devices.h"

#include <gtest/gtest.h>

#include "tests/unit/temporary_folder.h"

namespace qemunit::helper {
namespace {

TEST(MissingDevicesTest, AreLeftOut) {
    const testing::TemporaryFolder folder;
    folder.write("stick", "");
    const auto device = [&](const std::string &name) {
        return "usb-host,hostdevice=" + (folder / name) + ",bus=qemunit-usb.0,id=" + name;
    };
    std::vector<std::string> qemu{"qemu",
                                  "-device",
                                  device("gone"),
                                  "-device",
                                  device("stick"),
                                  "-device",
                                  "usb-host,hostdevice=/elsewhere/gone",
                                  "-name",
                                  device("gone"),
                                  "-device",
                                  device("gone too")};
    leave_out_missing_devices(qemu, folder.path());
    EXPECT_EQ(qemu, (std::vector<std::string>{"qemu", "-device", device("stick"), "-device",
                                              "usb-host,hostdevice=/elsewhere/gone", "-name",
                                              device("gone")}));
}

}  // namespace
}  // namespace qemunit::helper
