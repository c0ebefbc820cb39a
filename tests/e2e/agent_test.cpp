// SPDX-License-Identifier: MIT
//
// AgentExecute of org.qemunit1.VM, with the agent of QEMU's in a Linux guest.
#include <gtest/gtest.h>

#include "tests/e2e/expect_contains.h"
#include "tests/e2e/guest_shell.h"
#include "tests/e2e/unit_watch.h"
#include "tests/e2e/vm_call_with.h"

namespace qemunit::e2e {
namespace {

BusReply agent_execute(const VmUnderTest &vm, const char *command, const char *arguments = "") {
    return call_vm_with(vm.name(), "AgentExecute", [&](sd_bus_message *call) {
        return sd_bus_message_append(call, "ss", command, arguments);
    });
}

TEST(Agent, ExecutesAndRefuses) {
    VmUnderTest vm("aexec", silent_linux_ini() + "[VM]\nGuestAgent=yes\n[Boot]\nInitrd=" +
                                kGuestDir + "/initrd-agent\n");
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    GuestShell guest(vm);
    BusReply reply = agent_execute(vm, "guest-ping");
    EXPECT_EQ(reply.error, "org.qemunit1.Error.Agent") << reply;
    expect_contains(reply.message, "No guest agent runs in VM 'aexec'");

    guest.start_agent();
    // It opens its port when it is ready for that.
    const Deadline deadline;
    do
        reply = agent_execute(vm, "guest-ping");
    while (reply.error == "org.qemunit1.Error.Agent" && !deadline.passed());
    EXPECT_EQ(reply.error, "") << reply;
    EXPECT_EQ(reply.value, "{}");
    EXPECT_EQ(agent_execute(vm, "guest-get-host-name").value, "{\"host-name\":\"guest\"}");

    // Beside another client, in the middle of whose talk it comes.
    auto other = UnixClient::connect(vm.socket("agent"));
    ASSERT_TRUE(other) << other.error().message;
    ASSERT_TRUE(other->send("{\"execute\":\"guest-get-time\"}\n{\"execute\":\"guest-info\"}\n"));
    EXPECT_EQ(agent_execute(vm, "guest-get-host-name").value, "{\"host-name\":\"guest\"}");

    // More than a socket passes on at once.
    reply = agent_execute(vm, "guest-file-open", "{\"path\":\"/tmp/note\",\"mode\":\"w\"}");
    EXPECT_EQ(reply.error, "") << reply;
    const std::string text(20'000, 'A');  // base64 of zeroes
    reply =
        agent_execute(vm, "guest-file-write",
                      ("{\"handle\":" + reply.value + ",\"buf-b64\":\"" + text + "\"}").c_str());
    EXPECT_EQ(reply.error, "") << reply;
    expect_contains(reply.value, "\"count\":15000");

    reply = agent_execute(vm, "guest-file-open", "{\"path\":\"/none/such\"}");
    EXPECT_EQ(reply.error, "org.qemunit1.Error.Agent") << reply;
    expect_contains(reply.message, "/none/such");
    EXPECT_EQ(agent_execute(vm, "no-such").error, "org.qemunit1.Error.Agent");
    EXPECT_EQ(agent_execute(vm, "").error, "org.qemunit1.Error.InvalidArgument");
    EXPECT_EQ(agent_execute(vm, "guest-ping", "[]").error, "org.qemunit1.Error.InvalidArgument");

    // One that hangs.
    guest.run("kill -STOP $(cat /tmp/qga.pid)");
    reply = agent_execute(vm, "guest-ping");
    EXPECT_EQ(reply.error, "org.qemunit1.Error.Timeout") << reply;
    expect_contains(reply.message, "was not given to it");
    guest.run("kill -CONT $(cat /tmp/qga.pid)");
    EXPECT_EQ(agent_execute(vm, "guest-ping").value, "{}");
}

TEST(Agent, IsNotThereWithoutItsKey) {
    VmUnderTest vm("anone", boot_sector_ini() + "[Serial agent]\n");
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    const BusReply reply = agent_execute(vm, "guest-ping");
    EXPECT_EQ(reply.error, "org.qemunit1.Error.Agent") << reply;
    expect_contains(reply.message, "GuestAgent=yes in [VM] of its ini");
}

}  // namespace
}  // namespace qemunit::e2e
