// SPDX-License-Identifier: MIT
#include "common/host_device/usb_device.h"

#include <gtest/gtest.h>

#include "tests/unit/host_tree.h"

namespace qemunit {
namespace {

TEST(UsbDeviceTest, IsFoundByWhatItIsAndByItsPort) {
    const testing::HostTree host;
    host.add_usb("1-1", "046d", "c52b", "189:1");
    host.add_usb("1-2", "1d6b", "0002", "189:2", "09");
    host.add_usb("1-2.3", "046d", "c52b", "189:3");
    host.make_folder("sys/bus/usb/devices/1-1:1.0");
    const auto alike = find_usb_devices(host.path(), {"046d:c52b", false});
    ASSERT_TRUE(alike) << alike.error().message;
    ASSERT_EQ(alike->size(), 2U);
    EXPECT_EQ(alike->front().port, "1-1");
    const auto one = find_usb_devices(host.path(), {"1-2.3", true});
    ASSERT_TRUE(one) << one.error().message;
    ASSERT_EQ(one->size(), 1U);
    EXPECT_EQ(one->front().node, "189:3");
    EXPECT_EQ(one->front().id, "046d:c52b");
    EXPECT_EQ(find_usb_devices(host.path(), {"1-2", true}).error().message,
              "the USB device 1-2 is a hub, which no VM can have: name what is plugged into it");
    EXPECT_EQ(find_usb_devices(host.path(), {"1-3", true}).error().message,
              "no USB device 1-3 is plugged into this machine; `lsusb -t` lists those that are");
    EXPECT_EQ(find_usb_devices(host.path(), {"1234:5678", false}).error().message,
              "no USB device 1234:5678 is plugged into this machine; `lsusb` lists those that are");
}

}  // namespace
}  // namespace qemunit
