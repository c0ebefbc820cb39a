// SPDX-License-Identifier: MIT
//
// On a kernel with AppArmor, as Debian's is: our own profiles, and those of the programs that a
// VM's units run. Limits.*, as these run on Debian's kernel.
#include <fcntl.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <sstream>

#include "common/unique_fd.h"
#include "tests/e2e/backups.h"
#include "tests/e2e/bus.h"
#include "tests/e2e/ctl.h"
#include "tests/e2e/expect_contains.h"
#include "tests/e2e/journal.h"
#include "tests/e2e/unit_watch.h"
#include "tests/e2e/vm_call_with.h"
#include "tests/e2e/vm_under_test.h"

namespace qemunit::e2e {
namespace {

#define NEEDS_APPARMOR                                             \
    if (!std::filesystem::exists("/sys/kernel/security/apparmor")) \
    GTEST_SKIP() << "the kernel of this machine has no AppArmor"

void load_profiles() {
    const Finished loaded = run_words("systemctl start apparmor.service");
    ASSERT_TRUE(loaded.ok()) << loaded;
    const std::string profiles = read_file("/sys/kernel/security/apparmor/profiles");
    for (const char *profile : {"qemunit-helper", "qemunitd", "passt"})
        expect_contains(profiles, std::string(profile) + " (enforce)\n");
    // One that runs since before stays as it is; the next call starts another one.
    run_words("systemctl stop qemunitd.service");
}

std::string confinement(pid_t pid) {
    return trimmed(read_file("/proc/" + std::to_string(pid) + "/attr/apparmor/current"));
}

// Lines of the kernel's log on what AppArmor has refused since it booted.
std::string refusals() {
    std::istringstream lines(run({"dmesg"}).output);
    std::string refused;
    for (std::string line; std::getline(lines, line);)
        if (line.contains("apparmor=\"DENIED\""))
            refused += line + "\n";
    return refused;
}

TEST(Limits, AppArmorConfinesVmsAndDaemon) {
    NEEDS_APPARMOR;
    load_profiles();
    const std::string refused = refusals();
    VmUnderTest vm("aaplain", boot_sector_ini() +
                                  "[VM]\nTPM=yes\nStop=hibernate\n[Drive data]\nFile=data.qcow2\n"
                                  "Size=1M\n[Network lan]\n");
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    EXPECT_EQ(confinement(vm.main_pid()), "qemunit-helper (enforce)");
    for (const pid_t pid : vm.other_pids())
        EXPECT_EQ(confinement(pid), "qemunit-helper (enforce)");
    expect_contains(monitor_command(vm.name(), "info status").value, "running");
    EXPECT_EQ(confinement(std::atoi(unit_property("qemunitd.service", "MainPID").c_str())),
              "qemunitd (enforce)");
    ASSERT_TRUE(vm.stop().ok()) << vm.status();
    EXPECT_TRUE(std::filesystem::exists("/var/lib/qemunit/aaplain/hibernated"));
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    EXPECT_FALSE(std::filesystem::exists("/var/lib/qemunit/aaplain/hibernated"));
    EXPECT_EQ(refusals(), refused);
}

// What others have opened, or what the kernel keeps somewhere of its own, is not below any folder.
TEST(Limits, AppArmorRefusesNothingThatQemunitDoes) {
    NEEDS_APPARMOR;
    load_profiles();
    const std::string refused = refusals(), pages = "/proc/sys/vm/nr_hugepages";
    run({"sh", "-c", "echo 40 >" + pages});
    // This machine's file system is 9p, which has neither sockets nor files without a name.
    const std::string drop_in = "/run/systemd/system/qemunitd.service.d/tmp.conf";
    std::filesystem::create_directories(std::filesystem::path(drop_in).parent_path());
    write_file(drop_in,
               "[Service]\nPrivateTmp=no\nTemporaryFileSystem=/tmp:mode=1777 /var/tmp:mode=1777\n");
    run_words("systemctl daemon-reload");
    run_words("systemctl try-restart qemunitd.service");
    const BackupFolder backups("aaverbs");
    const std::string folder = backups.path() + "-files";
    std::filesystem::create_directories(folder);
    for (const char *name : {"one.iso", "two.iso", "hot.img"})
        ASSERT_TRUE(run({"truncate", "--size=1M", folder + "/" + name}).ok());
    VmUnderTest vm("aaverbs",
                   boot_sector_ini() +
                       "[VM]\nArguments=-device VGA\nHardware=0.8\n[Memory]\nHugePages=yes\n"
                       "[Drive data]\nFile=data.qcow2\nSize=1M\n[Drive cd]\nMedia=cdrom\n"
                       "File=" +
                       folder + "/one.iso\n");
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    const std::string name = vm.name();
    const UniqueFd image(open((folder + "/hot.img").c_str(), O_RDWR | O_CLOEXEC));
    for (const std::string &words :
         {"medium change " + name + " cd " + folder + "/two.iso",
          "screenshot " + name + " " + folder + "/screen.png", "snapshot save " + name + " one",
          "backup " + name + " " + backups.path(), "backup " + name + " " + backups.path(),
          "verify " + backups.path(), "snapshot load " + name + " one"}) {
        const Finished done = ctl(words);
        EXPECT_TRUE(done.ok()) << words << "\n" << done;
    }
    const BusReply attached = call_vm_with(name, "AttachDrive", [&](sd_bus_message *call) {
        return sd_bus_message_append(call, "sha{sv}", "hot", image.get(), 0);
    });
    EXPECT_EQ(attached.error, "");
    EXPECT_EQ(refusals(), refused);
    run({"sh", "-c", "echo 0 >" + pages});
    std::filesystem::remove_all(std::filesystem::path(drop_in).parent_path());
    run_words("systemctl daemon-reload");
}

// passt comes with a profile of its own, which lets it make files in few places.
TEST(Limits, PasstRunsUnderItsAppArmorProfile) {
    NEEDS_APPARMOR;
    load_profiles();
    const std::string refused = refusals();
    const Finished route = run({"sh", "-c",
                                "ip address replace 192.0.2.2/24 dev dummy0 && "
                                "ip link set dummy0 up && ip route replace default via 192.0.2.1"});
    ASSERT_TRUE(route.ok()) << route;
    VmUnderTest vm("aapasst", boot_sector_ini() + "[Network lan]\nType=passt\n");
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    EXPECT_EQ(refusals(), refused);
    const std::string passt = unit_property("qemu-passt@aapasst:lan.service", "MainPID");
    expect_contains(confinement(std::atoi(passt.c_str())), "passt");
    run_words("ip link set dummy0 down");
}

}  // namespace
}  // namespace qemunit::e2e
