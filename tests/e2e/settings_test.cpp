// SPDX-License-Identifier: MIT
//
// What systemd does for a VM because its ini says so: who it is, where its files may be, how
// long it lives, what it may use.
#include <gtest/gtest.h>
#include <pwd.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <sstream>

#include "tests/e2e/bus.h"
#include "tests/e2e/journal.h"
#include "tests/e2e/unit_watch.h"
#include "tests/e2e/unix_client.h"
#include "tests/e2e/vm_under_test.h"

namespace qemunit::e2e {
namespace {

namespace fs = std::filesystem;

std::string with_data_drive(const std::string &path) {
    return boot_sector_ini() + "[Drive data]\nFile=" + path + "\n";
}

TEST(Settings, ImagesMayBeAnywhere) {
    int number = 0;
    for (const std::string folder :
         {"/home/settings/my images", "/tmp/a,b", "/root/vms", "/opt/%i"}) {
        fs::create_directories(folder);
        const std::string image = folder + "/disk.raw";
        write_file(image, std::string(1 << 20, '\0'));
        fs::permissions(image, fs::perms(0600));
        VmUnderTest vm("place" + std::to_string(++number), with_data_drive(image));
        ASSERT_TRUE(vm.start().ok()) << vm.status();
        const BusReply block = monitor_command(vm.name(), "info block data");
        EXPECT_NE(block.value.find("data (qemunit-image-data): /dev/fdset/2 (raw)"),
                  std::string::npos)
            << block;
        fs::remove_all(folder);
    }
}

TEST(Settings, ABlockDeviceIsADisk) {
    const std::string device = "/dev/throwaway-disk";
    if (!fs::is_block_file(device))
        GTEST_SKIP() << "no loop devices on this machine";
    VmUnderTest vm("blockdev", with_data_drive(device));
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    const BusReply block = monitor_command(vm.name(), "info block -n");
    EXPECT_NE(block.value.find("qemunit-file-data: /dev/fdset/2 (host_device)"), std::string::npos)
        << block;
}

TEST(Settings, AFileThatQemuMayNotOpenIsNamedWithUserAndCure) {
    const std::string image = "/home/joe, kernel";
    write_file(image, std::string(1 << 20, '\0'));
    fs::permissions(image, fs::perms(0600));
    VmUnderTest vm("denied", boot_sector_ini() + "[Boot]\nKernel=" + image + "\n");
    EXPECT_FALSE(vm.start().ok());
    const Finished status = vm.status();
    EXPECT_TRUE(status.says(image + ": QEMU may not read it. Allow it to the group of all VMs with "
                                    "`setfacl -m g:qemunit:r"))
        << status;
    fs::remove(image);
}

TEST(Settings, AnotherUserRunsQemuAndOwnsItsState) {
    run_words("useradd --no-create-home vmjoe");
    const passwd *user = getpwnam("vmjoe");
    ASSERT_TRUE(user) << "no user vmjoe";
    VmUnderTest vm("asjoe", boot_sector_ini() +
                                "[VM]\nUser=vmjoe\nTPM=yes\n"
                                "[Drive data]\nFile=data.qcow2\nSize=1M\n");
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    struct stat info {};
    ASSERT_EQ(stat(("/proc/" + std::to_string(vm.main_pid())).c_str(), &info), 0);
    EXPECT_EQ(info.st_uid, user->pw_uid);
    EXPECT_EQ(info.st_gid, user->pw_gid);
    ASSERT_EQ(stat("/var/lib/qemunit/asjoe/data.qcow2", &info), 0);
    EXPECT_EQ(info.st_uid, user->pw_uid);
}

TEST(Settings, ASocketStartsTheVmWithoutEnabling) {
    VmUnderTest vm("onconnect", boot_sector_ini() + "[VM]\nActivation=socket\n");
    ASSERT_TRUE(run_words("systemctl start sockets.target").ok());
    EXPECT_EQ(unit_property(vm.unit(), "ActiveState"), "inactive");
    auto client = UnixClient::connect(vm.socket("serial"));
    ASSERT_TRUE(client) << client.error().message;
    auto banner = client->read_until("qemunit guest ready");
    EXPECT_TRUE(banner) << banner.error().message;
}

TEST(Settings, AVmThatOverstaysIsEnded) {
    VmUnderTest vm("overstays", boot_sector_ini() + "[VM]\nTimeout=1s\n");
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    EXPECT_TRUE(wait_for_state(vm.unit(), "failed"));
    EXPECT_EQ(unit_property(vm.unit(), "Result"), "timeout");
}

TEST(Settings, ResourcesAreLimitedAsForAnyService) {
    VmUnderTest vm("limits", boot_sector_ini() +
                                 "[VM]\nStartTimeout=45s\nStopTimeout=44s\n"
                                 "[Service]\nMemoryMax=512M\nCPUQuota=50%\n"
                                 "AllowedCPUs=0\nCPUAffinity=0\nNice=7\n"
                                 "LimitNOFILE=999\n");
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    const std::string process = "/proc/" + std::to_string(vm.main_pid());
    EXPECT_NE(read_file(process + "/status").find("Cpus_allowed_list:\t0\n"), std::string::npos);
    EXPECT_EQ(getpriority(PRIO_PROCESS, static_cast<id_t>(vm.main_pid())), 7);
    EXPECT_NE(read_file(process + "/limits").find("999"), std::string::npos);
    EXPECT_EQ(unit_property(vm.unit(), "MemoryMax"), "536870912");
    EXPECT_EQ(unit_property(vm.unit(), "CPUQuotaPerSecUSec"), "500ms");
    EXPECT_EQ(unit_property(vm.unit(), "TimeoutStartUSec"), "45s");
    EXPECT_EQ(unit_property(vm.unit(), "TimeoutStopUSec"), "44s");
    // The kernel's word, where this system has the controllers.
    const std::string group = "/sys/fs/cgroup" + unit_property(vm.unit(), "ControlGroup");
    if (fs::exists(group + "/memory.max")) {
        EXPECT_EQ(read_file(group + "/memory.max"), "536870912\n");
    }
}

TEST(Settings, TwoVmsThatWantOnePortAreWarnedOf) {
    const std::string forward = "[Network lan]\nHostForward=tcp::10777-:22\n";
    const auto vms =
        VmUnderTest::several("port", {boot_sector_ini() + forward, boot_sector_ini() + forward});
    const std::string said =
        "/etc/qemunit/port2.ini:9: TCP port 10777 of the host is also that of "
        "VM 'port1' (/etc/qemunit/port1.ini:9): only one of them can run at a "
        "time.";
    const std::string log = wait_for_text("/run/throwaway/kmsg", said);
    EXPECT_NE(log.find(said), std::string::npos);
    ASSERT_TRUE(vms[0]->start().ok()) << vms[0]->status();
    EXPECT_FALSE(vms[1]->start().ok());
}

}  // namespace
}  // namespace qemunit::e2e
