// SPDX-License-Identifier: MIT
//
// Stop=hibernate for a VM of which something was changed while it ran.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>

#include "common/unique_fd.h"
#include "tests/e2e/bus.h"
#include "tests/e2e/expect_contains.h"
#include "tests/e2e/guest_shell.h"
#include "tests/e2e/journal.h"
#include "tests/e2e/unit_watch.h"
#include "tests/e2e/vm_call_with.h"

namespace qemunit::e2e {
namespace {

namespace fs = std::filesystem;

const std::string kMedia = "/srv/hibernated-media";

class HibernatedHardware : public ::testing::Test {
  protected:
    void SetUp() override {
        fs::create_directories(kMedia);
        for (const char *name : {"one.iso", "two.iso"})
            write_file(kMedia + "/" + name, std::string(64 << 10, name[0]));
    }
    void TearDown() override { fs::remove_all(kMedia); }

    static std::string ini(const std::string &guest = silent_linux_ini()) {
        return guest +
               "[VM]\nStop=hibernate\n"
               "[Drive cd]\nMedia=cdrom\nFile=" +
               kMedia + "/one.iso\n";
    }
    static bool is_saved(const VmUnderTest &vm) {
        return fs::exists("/var/lib/qemunit/" + vm.name() + "/hibernated");
    }
    static std::string blocks(const VmUnderTest &vm) {
        return monitor_command(vm.name(), "info block").value;
    }
    // Hands QEMU a file for a drive, as AttachDrive and ChangeMedium take them.
    static BusReply hand(const VmUnderTest &vm, const char *method, const std::string &drive,
                         const std::string &file, int flags,
                         const std::function<int(sd_bus_message *)> &more) {
        const UniqueFd fd(open(file.c_str(), flags | O_CLOEXEC));
        EXPECT_TRUE(fd);
        return call_vm_with(vm.name(), method, [&](sd_bus_message *call) {
            const int r = sd_bus_message_append(call, "sh", drive.c_str(), fd.get());
            return r < 0 ? r : more(call);
        });
    }
    // Stops a VM that cannot be hibernated, and whose guest listens to the button.
    static void expect_shut_down(const VmUnderTest &vm, const std::string &why) {
        EXPECT_TRUE(vm.stop().ok());
        EXPECT_EQ(unit_property(vm.unit(), "Result"), "success");
        EXPECT_FALSE(is_saved(vm));
        const std::string journal = journalctl(vm.unit());
        expect_contains(journal, why);
        expect_contains(journal, "The power button was pressed.");
    }
};

TEST_F(HibernatedHardware, APausedGuestStaysPaused) {
    VmUnderTest vm("hibpaused", ini(boot_sector_ini()));
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    ASSERT_EQ(call_vm(vm.name(), "Pause").error, "");
    ASSERT_TRUE(vm.stop().ok());
    ASSERT_TRUE(is_saved(vm)) << journalctl(vm.unit());
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    expect_contains(monitor_command(vm.name(), "info status").value, "paused");
    EXPECT_FALSE(is_saved(vm));
    EXPECT_EQ(call_vm(vm.name(), "Resume").error, "");
    auto serial = UnixClient::connect(vm.socket("serial"));
    ASSERT_TRUE(serial);
    ASSERT_TRUE(serial->send("awake\r"));
    auto echo = serial->read_until("awake");
    EXPECT_TRUE(echo) << echo.error().message;
}

TEST_F(HibernatedHardware, AnEjectedMediumStaysOut) {
    VmUnderTest vm("hibeject", ini(boot_sector_ini()));
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    ASSERT_EQ(call_vm(vm.name(), "EjectMedium", "cd").error, "");
    for (int times = 0; times < 2; ++times) {
        ASSERT_TRUE(vm.stop().ok());
        ASSERT_TRUE(is_saved(vm)) << journalctl(vm.unit());
        ASSERT_TRUE(vm.start().ok()) << vm.status();
        expect_contains(monitor_command(vm.name(), "info status").value, "running");
        expect_contains(blocks(vm), "cd: [not inserted]");
    }
}

TEST_F(HibernatedHardware, TheMediumOfTheIniMayComeBack) {
    VmUnderTest vm("hibback", ini(boot_sector_ini()));
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    ASSERT_EQ(call_vm(vm.name(), "EjectMedium", "cd").error, "");
    const std::string one = kMedia + "/one.iso";
    const BusReply changed =
        hand(vm, "ChangeMedium", "cd", one, O_RDONLY,
             [&](sd_bus_message *call) { return sd_bus_message_append(call, "s", one.c_str()); });
    ASSERT_EQ(changed.error, "") << changed;
    ASSERT_TRUE(vm.stop().ok());
    ASSERT_TRUE(is_saved(vm)) << journalctl(vm.unit());
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    expect_contains(blocks(vm), "cd (qemunit-image-cd): /dev/fdset/");
}

TEST_F(HibernatedHardware, AnotherMediumIsAReasonToShutDown) {
    VmUnderTest vm("hibmedium", ini());
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    { GuestShell guest(vm); }
    const std::string two = kMedia + "/two.iso";
    const BusReply changed =
        hand(vm, "ChangeMedium", "cd", two, O_RDONLY,
             [&](sd_bus_message *call) { return sd_bus_message_append(call, "s", two.c_str()); });
    ASSERT_EQ(changed.error, "") << changed;
    expect_shut_down(vm, "the drive 'cd' was changed from " + kMedia + "/one.iso to " + two);
}

TEST_F(HibernatedHardware, AHotPluggedDriveIsAReasonToShutDown) {
    VmUnderTest vm("hibhot", ini() + "[VM]\nMachine=pc\n");
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    { GuestShell guest(vm); }
    const BusReply attached =
        hand(vm, "AttachDrive", "data", kMedia + "/two.iso", O_RDWR,
             [](sd_bus_message *call) { return sd_bus_message_append(call, "a{sv}", 0); });
    ASSERT_EQ(attached.error, "") << attached;
    // Another companion has not seen the start.
    ASSERT_EQ(kill(vm.companion(), SIGKILL), 0);
    expect_shut_down(vm, "the drive 'data' was plugged in since the VM was started");
}

TEST_F(HibernatedHardware, AStateIsNotResumedOverOtherDrives) {
    const std::string drive = "[Drive root]\nFormat=raw\nFile=" + kMedia + "/";
    VmUnderTest vm("hibdrives", boot_sector_ini() + "[VM]\nStop=hibernate\n" + drive + "one.iso\n");
    fs::permissions(kMedia + "/one.iso", fs::perms(0666));
    fs::permissions(kMedia + "/two.iso", fs::perms(0666));
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    ASSERT_TRUE(vm.stop().ok());
    ASSERT_TRUE(is_saved(vm)) << journalctl(vm.unit());
    write_file(vm.ini_path(), boot_sector_ini() + "[VM]\nStop=hibernate\n" + drive + "two.iso\n");
    ASSERT_TRUE(run({"systemctl", "daemon-reload"}).ok());
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    EXPECT_FALSE(is_saved(vm));
    const std::string journal = journalctl(vm.unit());
    expect_contains(journal, "the drive 'root' was changed from " + kMedia + "/one.iso to " +
                                 kMedia + "/two.iso since the state was saved");
    expect_contains(journal, "its state is set aside as ");
}

// As of a QEMU that has come after this one, or long before.
TEST_F(HibernatedHardware, AStateOfAMachineThatQemuDoesNotKnowBlocksNoStart) {
    VmUnderTest vm("hibunknown", boot_sector_ini() + "[VM]\nMachine=q35\nStop=hibernate\n");
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    ASSERT_TRUE(vm.stop().ok());
    ASSERT_TRUE(is_saved(vm)) << journalctl(vm.unit());
    const std::string path = "/var/lib/qemunit/" + vm.name() + "/hibernated";
    const UniqueFd state(open(path.c_str(), O_RDWR | O_CLOEXEC));
    ASSERT_TRUE(state);
    std::string begin(68 << 10, '\0');  // our header, and QEMU's
    ASSERT_GT(pread(state.get(), begin.data(), begin.size(), 0), 0);
    const std::size_t machine = begin.find("pc-q35-");
    ASSERT_NE(machine, begin.npos);
    ASSERT_EQ(pwrite(state.get(), "pc-q35-0", 8, static_cast<off_t>(machine)), 8);
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    EXPECT_FALSE(is_saved(vm));
    const std::string journal = journalctl(vm.unit());
    expect_contains(journal, "QEMU did not begin as the machine that was saved, pc-q35-0");
    expect_contains(journal, "its state is set aside as ");
}

}  // namespace
}  // namespace qemunit::e2e
