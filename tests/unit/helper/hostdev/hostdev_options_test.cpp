// SPDX-License-Identifier: MIT
#include "helper/hostdev/hostdev_options.h"

#include <gtest/gtest.h>

namespace qemunit::helper {
namespace {

TEST(HostDeviceOptionsTest, AreThoseOfTheUnit) {
    const auto pci = parse_hostdev_options(
        {"take", "vm1:gpu", "--pci=0000:03:00.0", "--with=0000:03:00.1", "--force"});
    ASSERT_TRUE(pci) << pci.error().message;
    EXPECT_EQ(pci->mode, HostDeviceOptions::Mode::take);
    EXPECT_EQ(pci->vm, "vm1");
    EXPECT_EQ(pci->device, "gpu");
    EXPECT_EQ(pci->pci, "0000:03:00.0");
    EXPECT_EQ(pci->with, std::vector<std::string>{"0000:03:00.1"});
    EXPECT_TRUE(pci->force);
    const auto usb = parse_hostdev_options({"take", "vm1:stick", "--usb=1-2.3"});
    ASSERT_TRUE(usb) << usb.error().message;
    EXPECT_EQ(usb->usb->text, "1-2.3");
    EXPECT_FALSE(usb->optional);
    const auto plugged = parse_hostdev_options({"plugged", "1-2.3"});
    ASSERT_TRUE(plugged) << plugged.error().message;
    EXPECT_EQ(plugged->port, "1-2.3");
    const auto attach = parse_hostdev_options({"attach", "vm1:stick"});
    ASSERT_TRUE(attach) << attach.error().message;
    EXPECT_EQ(attach->mode, HostDeviceOptions::Mode::attach);
    const auto back = parse_hostdev_options({"give-back", "vm1:stick"});
    ASSERT_TRUE(back) << back.error().message;
    EXPECT_EQ(back->mode, HostDeviceOptions::Mode::give_back);
}

TEST(HostDeviceOptionsTest, AreRefusedOtherwise) {
    using Arguments = std::vector<std::string>;
    for (const auto &[words, why] : {
             std::pair(Arguments{}, "what to do, and of which VM:DEVICE, is needed; see --help"),
             std::pair(Arguments{"take", "vm1"}, "'vm1' is not VM:DEVICE"),
             std::pair(Arguments{"take", "../a:b", "--usb=1-1"}, "'../a:b' is not VM:DEVICE"),
             std::pair(Arguments{"take", "vm1:../b", "--usb=1-1"}, "'vm1:../b' is not VM:DEVICE"),
             std::pair(Arguments{"take", "vm1:gpu"},
                       "--pci= or --usb= is needed, one of them; see --help"),
             std::pair(Arguments{"take", "vm1:gpu", "--pci=03:00.0", "--usb=1-1"},
                       "--pci= or --usb= is needed, one of them; see --help"),
             std::pair(Arguments{"take", "vm1:gpu", "--pci=../../x"},
                       "'../../x' is not the address of a PCI device"),
             std::pair(Arguments{"take", "vm1:gpu", "--usb=x"}, "'x' is not a USB device"),
         }) {
        const auto options = parse_hostdev_options(words);
        ASSERT_FALSE(options);
        EXPECT_EQ(options.error().message, why);
    }
}

}  // namespace
}  // namespace qemunit::helper
