// SPDX-License-Identifier: MIT
//
// What a guest that has taken over its QEMU could do: nothing to the host.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <pwd.h>
#include <sys/stat.h>

#include <filesystem>
#include <sstream>

#include "tests/e2e/bus.h"
#include "tests/e2e/sandbox_view.h"
#include "tests/e2e/unit_watch.h"
#include "tests/e2e/vm_under_test.h"

namespace qemunit::e2e {
namespace {

// "→ Overall exposure level for qemu@vm.service: 0.4 SAFE 😀"
double exposure(const std::string &unit) {
    const Finished finished = run({"systemd-analyze", "security", "--no-pager", unit});
    const std::string mark = "Overall exposure level for " + unit + ": ";
    const std::size_t at = finished.output.find(mark);
    if (at == std::string::npos) {
        ADD_FAILURE() << finished;
        return 10;
    }
    return std::stod(finished.output.substr(at + mark.size()));
}

TEST(Sandbox, QemuIsAnUnprivilegedUser) {
    VmUnderTest vm("sbuser", boot_sector_ini());
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    const passwd *user = getpwnam("qemunit");
    ASSERT_TRUE(user) << "no user qemunit";
    std::istringstream status(read_file("/proc/" + std::to_string(vm.main_pid()) + "/status"));
    int seen = 0;
    for (std::string key, value; std::getline(status, key, ':') && std::getline(status, value);) {
        std::istringstream values(value);
        if (key == "Uid" || key == "Gid") {
            for (unsigned id; values >> id; ++seen)
                EXPECT_EQ(id, key == "Uid" ? user->pw_uid : user->pw_gid) << key << value;
        } else if (key == "CapEff" || key == "CapPrm" || key == "CapBnd") {
            ++seen;
            EXPECT_EQ(value, "\t0000000000000000") << key;
        } else if (key == "NoNewPrivs") {
            ++seen;
            EXPECT_EQ(value, "\t1");
        }
    }
    EXPECT_EQ(seen, 12);
    EXPECT_EQ(unit_property(vm.unit(), "Slice"), "machine.slice");
}

TEST(Sandbox, QemuCannotWriteTheSocketFolder) {
    VmUnderTest vm("sbsock", boot_sector_ini());
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    const Finished writable = run({"setpriv", "--reuid=qemunit", "--regid=qemunit",
                                   "--clear-groups", "test", "-w", vm.socket_dir()});
    EXPECT_EQ(writable.status, 1) << writable;
    EXPECT_NE(open_inside(vm.main_pid(), vm.socket_dir() + "/x", O_WRONLY | O_CREAT), 0);
    EXPECT_NE(open_inside(vm.main_pid(), "/usr/x", O_WRONLY | O_CREAT), 0);
    EXPECT_NE(open_inside(vm.main_pid(), "/x", O_WRONLY | O_CREAT), 0);
}

TEST(Sandbox, AQemuThatEndsLeavesEnabledSocketsInPlace) {
    VmUnderTest vm("sbunlink", boot_sector_ini());
    ASSERT_TRUE(vm.enable_sockets().ok());
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    EXPECT_EQ(call_vm(vm.name(), "Quit").error, "");
    EXPECT_TRUE(wait_for_state(vm.unit(), "inactive"));
    for (const char *socket : {"monitor", "qmp", "control", "serial"})
        EXPECT_TRUE(std::filesystem::is_socket(vm.socket(socket))) << socket;
}

TEST(Sandbox, TheMonitorRunsNoPrograms) {
    VmUnderTest vm("sbexec", boot_sector_ini());
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    const pid_t qemu = vm.main_pid();
    const std::string state = "/var/lib/qemunit/" + vm.name();
    for (const std::string &file : {std::string("/tmp/x"), state + "/x"}) {
        const BusReply reply =
            monitor_command(vm.name(), "migrate \"exec:/usr/bin/touch " + file + "\"");
        EXPECT_NE((reply.value + reply.message).find("Failed to execute child process"),
                  std::string::npos)
            << reply;
        EXPECT_FALSE(std::filesystem::exists(file));
        EXPECT_EQ(open_inside(qemu, file, O_RDONLY), ENOENT) << file;
    }
    const BusReply status = monitor_command(vm.name(), "info status");
    EXPECT_NE(status.value.find("VM status: running"), std::string::npos) << status;
    EXPECT_EQ(vm.main_pid(), qemu);
}

TEST(Sandbox, AVmSeesNoOtherVmsDisk) {
    const std::string disk = "/var/lib/qemunit/sbother/disk.img";
    write_file(disk, std::string(1 << 20, 'x'));
    const passwd *user = getpwnam("qemunit");
    ASSERT_TRUE(user) << "no user qemunit";
    for (const char *path : {"/var/lib/qemunit/sbother", disk.c_str()})
        ASSERT_EQ(chown(path, user->pw_uid, user->pw_gid), 0);

    VmUnderTest owner("sbother", boot_sector_ini() + "[Drive data]\nFile=disk.img\n");
    VmUnderTest other("sbthis", boot_sector_ini());
    ASSERT_TRUE(owner.start().ok()) << owner.status();
    ASSERT_TRUE(other.start().ok()) << other.status();
    EXPECT_EQ(open_inside(owner.main_pid(), disk, O_RDWR), 0);
    EXPECT_NE(open_inside(other.main_pid(), disk, O_RDONLY), 0);
    // Nor anything else that its ini does not name.
    EXPECT_NE(open_inside(other.main_pid(), "/etc/qemunit/sbother.ini", O_RDONLY), 0);
    EXPECT_NE(open_inside(other.main_pid(), kGuestDir + "/burst.img", O_RDONLY), 0);
    EXPECT_EQ(open_inside(other.main_pid(), kGuestDir + "/console.img", O_RDONLY), 0);
    EXPECT_NE(open_inside(other.main_pid(), kGuestDir + "/console.img", O_RDWR), 0)
        << "ReadOnly=yes";
    std::filesystem::remove_all("/var/lib/qemunit/sbother");
}

TEST(Sandbox, ExposureIsSafe) {
    VmUnderTest closed("sbclosed", boot_sector_ini());
    ASSERT_TRUE(closed.start().ok()) << closed.status();
    EXPECT_LE(exposure(closed.unit()), 0.4);
    EXPECT_LE(exposure("qemunitd.service"), 0.4);
    VmUnderTest user_network("sbnet", boot_sector_ini() + "[Network lan]\n");
    ASSERT_TRUE(user_network.start().ok()) << user_network.status();
    EXPECT_LE(exposure(user_network.unit()), 1.3);
}

}  // namespace
}  // namespace qemunit::e2e
