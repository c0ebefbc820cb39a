// SPDX-License-Identifier: MIT
#include "helper/machine/machine.h"

#include <gtest/gtest.h>

namespace qemunit::helper {
namespace {

TEST(Machine, ItsLeaderIsTheSupervisor) {
    const std::string qemu = "/usr/bin/qemu-system-x86_64 -name \"qemunit-helper: supervisor\"";
    EXPECT_EQ(leader_among({{10, qemu},
                            {11, "\"qemunit-helper: companion of VM vm1\""},
                            {12, "\"qemunit-helper: supervisor of VM vm1\""}},
                           10),
              12u);
    EXPECT_EQ(leader_among({{10, qemu}}, 10), 0u);
    EXPECT_EQ(leader_among({}, 0), 0u);
}

TEST(Machine, ItsIdIsTheUuid) {
    const std::vector<uint8_t> uuid = uuid_in(
        "/usr/bin/qemu-system-x86_64 -name vm1 -uuid 00112233-4455-6677-8899-aabbccddeeff -m 64M");
    ASSERT_EQ(uuid.size(), 16u);
    EXPECT_EQ(uuid[1], 0x11);
    EXPECT_EQ(uuid[15], 0xff);
    EXPECT_TRUE(uuid_in("/usr/bin/qemu-system-x86_64 -name vm1").empty());
    EXPECT_TRUE(uuid_in("/usr/bin/qemu-system-x86_64 -uuid nonsense").empty());
    EXPECT_TRUE(uuid_in("").empty());
}

TEST(Machine, ItsVsockIsTheCid) {
    EXPECT_EQ(cid_in("/usr/bin/qemu-system-x86_64 -device vhost-vsock-pci,guest-cid=42,id=x -m 1G"),
              42u);
    EXPECT_EQ(cid_in("/usr/bin/qemu-system-x86_64 -device vhost-vsock-pci,guest-cid=3"), 3u);
    EXPECT_EQ(cid_in("-name guest-cid=7 -m 1G"), 0u);
    for (const char *none : {"", "guest-cid=", "guest-cid=2", "guest-cid=4294967295",
                             "guest-cid=99999999999999999999", "guest-cid=x"})
        EXPECT_EQ(cid_in(std::string("-device vhost-vsock-pci,") + none), 0u) << none;
}

}  // namespace
}  // namespace qemunit::helper
