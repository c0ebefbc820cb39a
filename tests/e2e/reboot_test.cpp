// SPDX-License-Identifier: MIT
//
// The host shuts down with VMs running, and boots again. The system that this test runs in
// goes down under it; tools/throwaway runs the test program anew after the second boot.
#include <gtest/gtest.h>

#include <filesystem>

#include "tests/e2e/bus.h"
#include "tests/e2e/guest_shell.h"
#include "tests/e2e/unit_watch.h"

namespace qemunit::e2e {
namespace {

namespace fs = std::filesystem;

const std::string kFirstBoot = "/var/lib/qemunit-test/first-boot";
constexpr const char *kNames[] = {"button", "saved", "plug", "deaf"};

std::string ini_of(const std::string &name) {
    const std::string autostart = "[Install]\nWantedBy=machines.target\n";
    if (name == "button")
        return silent_linux_ini() + "[VM]\nStop=poweroff\n" + autostart;
    if (name == "saved")
        return silent_linux_ini() + "[VM]\nStop=hibernate\n" + autostart;
    if (name == "plug")
        return boot_sector_ini() + autostart;
    return boot_sector_ini() + "[VM]\nStop=poweroff\nStopTimeout=6s\n" + autostart;
}

std::string unit_of(const std::string &name) {
    return "qemu@" + name + ".service";
}

// Ends with this process, by systemd's hand.
void shut_down_with_vms() {
    for (const std::string name : kNames)
        write_file("/etc/qemunit/" + name + ".ini", ini_of(name));
    write_file("/etc/qemunit/broken.ini", "[VM]\nMemory=plenty\n");
    ASSERT_TRUE(run_words("systemctl daemon-reload").ok());
    const Finished started = run_words("systemctl start machines.target");
    ASSERT_TRUE(started.ok()) << started;
    for (const std::string name : kNames)
        ASSERT_TRUE(run({"systemctl", "start", unit_of(name)}).ok()) << name;
    for (const std::string name : {"button", "saved"}) {
        GuestShell guest("/run/qemunit/" + name + "/serial.sock");
        guest.run("answer=42");
    }
    ASSERT_FALSE(testing::Test::HasFailure());
    write_file(kFirstBoot, read_file("/proc/sys/kernel/random/boot_id"));
    run_words("systemctl reboot");
    run_words("sleep infinity");
    FAIL() << "the system did not go down";
}

// What the VM's unit said in the first boot.
std::string last_words(const std::string &name) {
    return run({"journalctl", "--boot=-1", "--no-pager", "--quiet", "--unit=" + unit_of(name)})
        .output;
}

TEST(Reboot, EachVmIsStoppedInItsWayAndComesBack) {
    if (!fs::exists(kFirstBoot))
        return shut_down_with_vms();

    for (const std::string name : kNames) {
        EXPECT_TRUE(wait_for_state(unit_of(name), "active")) << name;
        EXPECT_NE(last_words(name).find("Deactivated successfully"), std::string::npos)
            << last_words(name);
    }
    EXPECT_NE(last_words("button").find("The power button was pressed."), std::string::npos)
        << last_words("button");
    EXPECT_EQ(unit_property(unit_of("saved"), "StatusText").substr(0, 17), "Running, resumed,");
    auto serial = UnixClient::connect("/run/qemunit/saved/serial.sock");
    ASSERT_TRUE(serial) << serial.error().message;
    ASSERT_TRUE(serial->send("echo the answer is $answer\r"));
    auto answer = serial->read_until("the answer is 42");
    EXPECT_TRUE(answer) << answer.error().message;
    // The generator ran before journald did.
    run_words("journalctl --sync");
    const Finished said = run_words("journalctl -b -t qemunit-generator -p err -o cat");
    EXPECT_TRUE(said.says("/etc/qemunit/broken.ini:2: Memory=plenty: ")) << said;
    // What is left over would be here.
    EXPECT_EQ(run_words("systemctl --failed --no-legend --plain list-units qemu*").output, "");
}

}  // namespace
}  // namespace qemunit::e2e
