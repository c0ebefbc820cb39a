// SPDX-License-Identifier: MIT
#include "helper/hostdev/claim.h"

#include <gtest/gtest.h>

#include "tests/unit/temporary_folder.h"

namespace qemunit::helper {
namespace {

TEST(ClaimTest, IsReadAsItWasWritten) {
    const Claim claim{"pci-0000:03:00.0", "vm1", "gpu", "nvidia", ""};
    const auto read = parse_claim(claim.key, claim_text(claim));
    ASSERT_TRUE(read);
    EXPECT_TRUE(read->is_of("vm1", "gpu"));
    EXPECT_EQ(read->driver, "nvidia");
    EXPECT_EQ(read->driver_override, "");
    for (const char *bad : {"", "vm1\n", "vm1\ngpu\nnvidia\n", "vm1"})
        EXPECT_FALSE(parse_claim("pci-0000:03:00.0", bad)) << bad;
}

TEST(ClaimTest, KeysSayWhichDevice) {
    EXPECT_EQ(pci_address_of(pci_key("0000:03:00.0")), "0000:03:00.0");
    EXPECT_EQ(usb_port_of(usb_key("1-2.3")), "1-2.3");
    EXPECT_EQ(pci_address_of(usb_key("1-2.3")), "");
    EXPECT_EQ(usb_port_of(pci_key("0000:03:00.0")), "");
}

TEST(ClaimTest, AreKeptUntilTheyAreForgotten) {
    const testing::TemporaryFolder folder;
    folder.make_folder("run/qemunit-hostdev/locks");
    const Claims claims(folder.path());
    EXPECT_FALSE(claims.find("usb-1-1"));
    ASSERT_TRUE(claims.keep({"usb-1-1", "vm1", "stick", "", ""}));
    ASSERT_TRUE(claims.keep({"usb-1-2", "vm2", "stick", "", ""}));
    ASSERT_TRUE(claims.find("usb-1-1"));
    EXPECT_EQ(claims.of("vm1", "stick").size(), 1U);
    EXPECT_EQ(claims.of("vm1", "other").size(), 0U);
    claims.forget(*claims.find("usb-1-1"));
    EXPECT_FALSE(claims.find("usb-1-1"));
    EXPECT_TRUE(claims.find("usb-1-2"));
    folder.link("run/qemunit-hostdev/usb-1-3", folder / "run/qemunit-hostdev/usb-1-2");
    EXPECT_FALSE(claims.find("usb-1-3"));
    // Of a process that was killed in the middle.
    folder.write("run/qemunit-hostdev/.new-usb-1-4", "vm2\nstick\n\n\n");
    EXPECT_EQ(claims.of("vm2", "stick").size(), 1U);
}

TEST(ClaimTest, CountWhileTheirUnitIsUp) {
    const testing::TemporaryFolder folder;
    const Claims claims(folder.path());
    const Claim claim{"usb-1-1", "vm1", "stick", "", ""};
    EXPECT_FALSE(claims.counts(claim));
    folder.link("run/systemd/units/invocation:qemu-hostdev@vm1:stick.service",
                "4b0d3f0b1c9a4f2f9d7b7a2a1d0c5e6f");
    EXPECT_TRUE(claims.counts(claim));
    EXPECT_FALSE(claims.is_up("vm1", "other"));
}

}  // namespace
}  // namespace qemunit::helper
