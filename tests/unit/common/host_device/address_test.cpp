// SPDX-License-Identifier: MIT
#include "common/host_device/address.h"

#include <gtest/gtest.h>

namespace qemunit {
namespace {

TEST(HostDeviceAddressTest, OfPciIsTheKernels) {
    EXPECT_EQ(parse_pci_address("0000:03:00.0"), "0000:03:00.0");
    EXPECT_EQ(parse_pci_address("03:00.0"), "0000:03:00.0");
    EXPECT_EQ(parse_pci_address("00AB:FF:1F.7"), "00ab:ff:1f.7");
    for (const char *bad : {"", "3:0.0", "03:00", "03:00.8", "03:20.0", "03:0g.0", "000:03:00.0",
                            "0000:03:00.0 ", "../03:00.0", "0000-03:00.0", "00000:03:00.0",
                            "0000:03:00,0", "03:+1.0", "0000:03:00.00"})
        EXPECT_FALSE(parse_pci_address(bad)) << bad;
}

TEST(HostDeviceAddressTest, OfUsbIsWhatItIsOrWhere) {
    const auto product = parse_usb_address("046D:c52b");
    ASSERT_TRUE(product);
    EXPECT_EQ(product->text, "046d:c52b");
    EXPECT_FALSE(product->is_port);
    for (const char *port : {"1-1", "2-3.4", "10-1.2.3.4.5.14"}) {
        const auto place = parse_usb_address(port);
        ASSERT_TRUE(place) << port;
        EXPECT_EQ(place->text, port);
        EXPECT_TRUE(place->is_port);
    }
    for (const char *bad : {"", "1", "1-", "-1", "0-1", "1-0", "01-1", "1-1.", "1-1..2", "1-1:1.0",
                            "usb1", "1-1.2.3.4.5.6.7", "046d", "046d:", "46d:c52b", "046d:c52b:1",
                            "046g:c52b", "1-1/..", "256-1"})
        EXPECT_FALSE(parse_usb_address(bad)) << bad;
}

}  // namespace
}  // namespace qemunit
