// SPDX-License-Identifier: MIT
//
// Resume of org.qemunit1.VM where QEMU itself would let a guest run that must not.
#include <gtest/gtest.h>

#include <sstream>

#include "tests/e2e/bus.h"
#include "tests/e2e/expect_contains.h"
#include "tests/e2e/vm_call_with.h"
#include "tests/e2e/vm_under_test.h"

namespace qemunit::e2e {
namespace {

BusReply execute(const VmUnderTest &vm, const char *command, const char *arguments) {
    return call_vm_with(vm.name(), "Execute", [&](sd_bus_message *call) {
        return sd_bus_message_append(call, "ss", command, arguments);
    });
}

// Some time after the socket is there; proc(5) has the flag that the kernel calls __SO_ACCEPTCON.
bool is_listening(const std::string &path) {
    std::istringstream sockets(read_file("/proc/net/unix"));
    for (std::string line; std::getline(sockets, line);)
        if (line.ends_with(" " + path) && line.find(" 00010000 ") != std::string::npos)
            return true;
    return false;
}

// As the machine is between the end of saving it and that of QEMU, which is a moment, unless
// somebody is killed in it.
TEST(Resume, AMachineWhoseStateIsSavedDoesNotGoOn) {
    VmUnderTest vm("resumesaved", boot_sector_ini());
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    const std::string socket = "/var/lib/qemunit/resumesaved/state.sock";
    const Finished reader = run({"systemd-run", "--quiet", "--unit=resumesaved-reader", "socat",
                                 "-u", "UNIX-LISTEN:" + socket + ",mode=0777", "OPEN:/dev/null"});
    ASSERT_TRUE(reader.ok()) << reader;
    const std::string uri = R"({"uri":"unix:)" + socket + R"("})";
    ASSERT_TRUE(wait_until([&] { return is_listening(socket); }));
    const BusReply saved = execute(vm, "migrate", uri.c_str());
    ASSERT_EQ(saved.error, "") << saved;
    ASSERT_TRUE(wait_until(
        [&] { return status_of_qemu(vm.name()).find("postmigrate") != std::string::npos; }));
    const BusReply reply = call_vm(vm.name(), "Resume");
    EXPECT_EQ(reply.error, "org.qemunit1.Error.Monitor");
    expect_contains(reply.message, "state of VM 'resumesaved' is saved");
    expect_contains(status_of_qemu(vm.name()), "postmigrate");
}

}  // namespace
}  // namespace qemunit::e2e
