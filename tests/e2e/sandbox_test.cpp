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

std::string status_value(pid_t pid, const std::string &key) {
    std::istringstream status(read_file("/proc/" + std::to_string(pid) + "/status"));
    for (std::string line; std::getline(status, line);)
        if (line.starts_with(key + ":\t"))
            return line.substr(key.size() + 2);
    return "none";
}

TEST(Sandbox, QemuIsAnUnprivilegedUserOfItsOwn) {
    VmUnderTest vm("sbuser", boot_sector_ini()), other("sbuser.2", boot_sector_ini());
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    ASSERT_TRUE(other.start().ok()) << other.status();
    const pid_t qemu = vm.main_pid();
    for (const char *capabilities : {"CapEff", "CapPrm", "CapBnd"})
        EXPECT_EQ(status_value(qemu, capabilities), "0000000000000000") << capabilities;
    EXPECT_EQ(status_value(qemu, "NoNewPrivs"), "1");
    EXPECT_EQ(unit_property(vm.unit(), "Slice"), "machine.slice");
    for (const char *id : {"Uid", "Gid"}) {
        std::istringstream ids(status_value(qemu, id));
        for (unsigned number; ids >> number;)
            EXPECT_TRUE(number >= 61184 && number <= 65519) << id << number;
        EXPECT_NE(status_value(qemu, id), status_value(other.main_pid(), id));
    }
    EXPECT_EQ(unit_property(vm.unit(), "User"), "qemu-sbuser");
    EXPECT_TRUE(run_words("getent passwd qemu-sbuser").ok());
    ASSERT_TRUE(vm.stop().ok());
    EXPECT_FALSE(run_words("getent passwd qemu-sbuser").ok());
}

// Nobody but root, and qemunitd by its sandbox, looks into the folder of a VM.
TEST(Sandbox, AFolderOfBeforeBecomesTheVms) {
    const passwd *user = getpwnam("qemunit");
    ASSERT_TRUE(user) << "no user qemunit";
    const std::string folder = "/var/lib/qemunit/sbolder";
    std::filesystem::create_directories(folder);
    write_file(folder + "/disk.img", std::string(1 << 20, 'x'));
    for (const std::string &path : {folder, folder + "/disk.img"})
        ASSERT_EQ(chown(path.c_str(), user->pw_uid, user->pw_gid), 0);
    VmUnderTest vm("sbolder", boot_sector_ini() + "[Drive data]\nFile=disk.img\n");
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    struct stat image {
    }, process{};
    ASSERT_EQ(stat((folder + "/disk.img").c_str(), &image), 0);
    ASSERT_EQ(stat(("/proc/" + std::to_string(vm.main_pid())).c_str(), &process), 0);
    EXPECT_EQ(image.st_uid, process.st_uid);
    EXPECT_EQ(image.st_mode & 0777, 0644u) << "as it was";
    const Finished looked = run(
        {"setpriv", "--reuid=qemunit", "--regid=qemunit", "--clear-groups", "ls", folder + "/"});
    EXPECT_FALSE(looked.ok()) << looked;
    ASSERT_TRUE(vm.stop().ok());
    ASSERT_TRUE(run({"systemctl", "clean", "--what=state", vm.unit()}).ok());
    EXPECT_FALSE(std::filesystem::exists(folder));
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
    // What its ini names, QEMU has open, and for reading only.
    EXPECT_NE(open_inside(other.main_pid(), kGuestDir + "/console.img", O_RDONLY), 0);
    EXPECT_NE(open_inside(other.main_pid(), kGuestDir + "/console.img", O_RDWR), 0);
    std::filesystem::remove_all("/var/lib/qemunit/sbother");
}

TEST(Sandbox, ExposureIsSafe) {
    VmUnderTest closed("sbclosed", boot_sector_ini());
    ASSERT_TRUE(closed.start().ok()) << closed.status();
    EXPECT_LE(exposure(closed.unit()), 0.4);
    EXPECT_LE(exposure("qemunitd.service"), 0.4);
    VmUnderTest user_network("sbnet", boot_sector_ini() + "[Network lan]\n");
    ASSERT_TRUE(user_network.start().ok()) << user_network.status();
    EXPECT_LE(exposure(user_network.unit()), 0.4);
    EXPECT_LE(exposure("qemu-usernet@sbnet:lan.service"), 1.5);
}

}  // namespace
}  // namespace qemunit::e2e
