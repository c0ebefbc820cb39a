// SPDX-License-Identifier: MIT
//
// Several VMs at once, one of them of another architecture.
#include <gtest/gtest.h>

#include "tests/e2e/bus.h"
#include "tests/e2e/journal.h"
#include "tests/e2e/unit_watch.h"
#include "tests/e2e/unix_client.h"
#include "tests/e2e/vm_under_test.h"

namespace qemunit::e2e {
namespace {

TEST(ManyVms, ThreeAtOnceOneOfThemForArm) {
    VmUnderTest pc("many-pc", "[VM]\nMachine=pc\n" + boot_sector_ini());
    VmUnderTest q35("many-q35", boot_sector_ini() + "Ephemeral=yes\nReadOnly=no\n");
    VmUnderTest arm(
        "many-arm",
        "[VM]\nArchitecture=aarch64\nAccelerator=tcg\nMemory=64M\nStop=quit\n[Boot]\nKernel=" +
            kGuestDir + "/console-aarch64.bin\n");
    const VmUnderTest *vms[] = {&pc, &q35, &arm};
    const Finished start = run({"systemctl", "start", pc.unit(), q35.unit(), arm.unit()});
    EXPECT_TRUE(start.ok()) << start;
    for (const VmUnderTest *vm : vms) {
        auto client = UnixClient::connect(vm->socket("serial"));
        ASSERT_TRUE(client) << vm->name() << ": " << client.error().message;
        auto banner = client->read_until("qemunit guest ready\r\n> ");
        EXPECT_TRUE(banner) << vm->name() << ": " << banner.error().message;
        const BusReply reply = monitor_command(vm->name(), "info status");
        EXPECT_NE(reply.value.find("VM status: running"), std::string::npos)
            << vm->name() << ": " << reply;
    }
    EXPECT_NE(arm.command_line().at(0).find("qemu-system-aarch64"), std::string::npos);
    // Each keeps to itself.
    EXPECT_TRUE(q35.stop().ok());
    EXPECT_EQ(unit_property(pc.unit(), "ActiveState"), "active");
    auto client = UnixClient::connect(arm.socket("serial"));
    ASSERT_TRUE(client) << client.error().message;
    ASSERT_TRUE(client->read_until("> "));
    ASSERT_TRUE(client->send("off\r"));
    EXPECT_TRUE(client->read_to_end());
    EXPECT_TRUE(wait_for_state(arm.unit(), "inactive"));
    EXPECT_EQ(unit_property(pc.unit(), "ActiveState"), "active");
}

}  // namespace
}  // namespace qemunit::e2e
