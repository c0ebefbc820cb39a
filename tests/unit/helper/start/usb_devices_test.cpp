// SPDX-License-Identifier: MIT
#include "helper/start/usb_devices.h"

#include <gtest/gtest.h>
#include <unistd.h>

namespace qemunit::helper {
namespace {

class UsbDevicesTest : public ::testing::Test {
  protected:
    static std::string device(unsigned set, const std::string &name) {
        return "usb-host,hostdevice=/dev/fdset/" + std::to_string(set) +
               ",bus=qemunit-usb.0,id=" + name;
    }
    StoredFiles stored;
    std::vector<std::string> qemu{"qemu",
                                  "-device",
                                  device(2000, "gone"),
                                  "-device",
                                  device(2001, "stick"),
                                  "-device",
                                  "usb-host,hostdevice=/dev/fdset/7,id=gone",
                                  "-name",
                                  device(2000, "gone")};
};

TEST_F(UsbDevicesTest, AreHandedOverOpen) {
    stored.emplace("usb-stick", UniqueFd(dup(STDIN_FILENO)));
    stored.emplace("usb-gone", UniqueFd(dup(STDIN_FILENO)));
    const auto before = qemu;
    const auto taken = take_usb_devices(stored, qemu, {});
    ASSERT_TRUE(taken) << taken.error().message;
    ASSERT_EQ(taken->fds.size(), 2u);
    EXPECT_EQ(
        taken->arguments,
        (std::vector<std::string>{
            "-add-fd",
            "fd=" + std::to_string(taken->fds[0].get()) + ",set=2000,opaque=qemunit-usb:gone",
            "-add-fd",
            "fd=" + std::to_string(taken->fds[1].get()) + ",set=2001,opaque=qemunit-usb:stick"}));
    EXPECT_EQ(qemu, before);
    EXPECT_TRUE(stored.empty());
}

TEST_F(UsbDevicesTest, AreLeftOutOnlyIfTheyMayBeMissing) {
    stored.emplace("usb-stick", UniqueFd(dup(STDIN_FILENO)));
    const auto refused = take_usb_devices(stored, qemu, {"stick"});
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().message,
              "[HostDevice gone]: the device was unplugged while the VM started");
    const auto taken = take_usb_devices(stored, qemu, {"gone"});
    ASSERT_TRUE(taken) << taken.error().message;
    EXPECT_EQ(taken->fds.size(), 1u);
    EXPECT_EQ(qemu, (std::vector<std::string>{"qemu", "-device", device(2001, "stick"), "-device",
                                              "usb-host,hostdevice=/dev/fdset/7,id=gone", "-name",
                                              device(2000, "gone")}));
}

}  // namespace
}  // namespace qemunit::helper
