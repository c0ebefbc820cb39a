// SPDX-License-Identifier: MIT
//
// `systemctl reload`: what of the ini file holds at once, and what is said to have to wait.
#include "tests/e2e/reload.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "tests/e2e/bus.h"
#include "tests/e2e/guest_shell.h"
#include "tests/e2e/unit_watch.h"
#include "tests/e2e/vm_under_test.h"

namespace qemunit::e2e {
namespace {

namespace fs = std::filesystem;

TEST(Reload, ForwardsComeAndGo) {
    const std::string lan = boot_sector_ini() + "[Network lan]\n";
    VmUnderTest vm("reloadfwd", lan + "HostForward=tcp:127.0.0.1:10091-:80\n");
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    const pid_t qemu = vm.main_pid();
    reload(vm, lan + "HostForward=tcp:127.0.0.1:10092-:80\n");
    const std::string network = run_words("qemunitctl forward list " + vm.name()).output;
    EXPECT_EQ(network.find("10091"), std::string::npos) << network;
    EXPECT_NE(network.find("10092"), std::string::npos) << network;
    EXPECT_EQ(vm.main_pid(), qemu);
    // As often as one likes.
    reload(vm, lan + "HostForward=tcp:127.0.0.1:10092-:80\n");
    EXPECT_NE(journalctl(vm.unit()).find("Nothing to change."), std::string::npos);
}

TEST(Reload, ADriveGetsAnotherImageThatItsSandboxDoesNotShow) {
    fs::create_directories("/srv/media");
    for (const char *image : {"/srv/media/a.iso", "/srv/media/b.iso"})
        write_file(image, std::string(1 << 20, 'x'));
    fs::permissions("/srv/media/b.iso", fs::perms(0600));  // root's: QEMU could not open it
    const auto ini = [](const std::string &file) {
        return boot_sector_ini() + "[Drive cd]\nMedia=cdrom\n" + file;
    };
    VmUnderTest vm("reloadcd", ini("File=/srv/media/a.iso\n"));
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    reload(vm, ini("File=/srv/media/b.iso\n"));
    std::string block = monitor_command(vm.name(), "info block cd").value;
    EXPECT_EQ(block.find("a.iso"), std::string::npos) << block;
    EXPECT_NE(block.find("/dev/fdset/"), std::string::npos) << block;
    EXPECT_NE(journalctl(vm.unit()).find("drive cd: /srv/media/b.iso"), std::string::npos);
    reload(vm, ini(""));
    block = monitor_command(vm.name(), "info block cd").value;
    EXPECT_NE(block.find("[not inserted]"), std::string::npos) << block;
    reload(vm, ini("File=/srv/media/a.iso\n"));
    block = monitor_command(vm.name(), "info block cd").value;
    EXPECT_EQ(block.find("[not inserted]"), std::string::npos) << block;
    fs::remove_all("/srv/media");
}

// The guest would read the bytes of the format.
TEST(Reload, ACdThatIsNoRawImageStaysOut) {
    fs::create_directories("/srv/media");
    write_file("/srv/media/a.iso", std::string(1 << 20, 'x'));
    for (const char *image : {"/srv/media/b.iso", "/srv/media/c.qcow2"})
        ASSERT_TRUE(run({"qemu-img", "create", "-q", "-f", "qcow2", image, "1M"}).ok());
    const auto ini = [](const std::string &file) {
        return boot_sector_ini() + "[Drive cd]\nMedia=cdrom\n" + file;
    };
    VmUnderTest vm("reloadraw", ini("File=/srv/media/a.iso\n"));
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    const std::string before = monitor_command(vm.name(), "info block cd").value;
    const Finished changed = run_words("qemunitctl medium change reloadraw cd /srv/media/b.iso");
    EXPECT_TRUE(changed.status == 1 && changed.says("/srv/media/b.iso is a qcow2 image"))
        << changed;
    EXPECT_FALSE(try_reload(vm, ini("File=/srv/media/c.qcow2\nFormat=qcow2\n")).ok());
    EXPECT_NE(log_of(vm).find("/srv/media/c.qcow2 is a qcow2 image"), std::string::npos);
    EXPECT_EQ(monitor_command(vm.name(), "info block cd").value, before);
    fs::remove_all("/srv/media");
}

TEST(Reload, CablesArePluggedAndUnplugged) {
    const std::string lan = silent_linux_ini() + "[Network lan]\n";
    VmUnderTest vm("reloadlink", lan + "Link=no\n");
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    GuestShell guest(vm);
    guest.run("modprobe -a virtio_pci virtio_net");
    guest.run("ifconfig eth0 10.0.2.15 up");
    EXPECT_EQ(guest.run("cat /sys/class/net/eth0/carrier"), "0\n");
    // The guest hears of it by an interrupt.
    const auto wait_for_carrier = [&](const std::string &state) {
        guest.run("until [ $(cat /sys/class/net/eth0/carrier) = " + state + " ]; do :; done");
    };
    reload(vm, lan);
    wait_for_carrier("1");
    reload(vm, lan + "Link=no\n");
    wait_for_carrier("0");
    EXPECT_NE(journalctl(vm.unit()).find("network lan: cable out"), std::string::npos);
}

TEST(Reload, SaysWhatHasToWait) {
    VmUnderTest vm("reloadlater", boot_sector_ini());
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    reload(vm, boot_sector_ini() + "[VM]\nCPUs=2\n");
    EXPECT_NE(
        journalctl(vm.unit()).find("Not before the VM is started anew: CPUs= in [VM]: 1 becomes 2"),
        std::string::npos)
        << journalctl(vm.unit());
}

TEST(Reload, SaysWhatIsWrongWithTheIni) {
    VmUnderTest vm("reloadwrong", boot_sector_ini());
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    for (const auto &[ini, said] :
         {std::pair("[VM]\nMemory=lots\n", "/etc/qemunit/reloadwrong.ini:2: Memory=lots"),
          std::pair("", "VM 'reloadwrong' is masked by")}) {
        write_file(vm.ini_path(), ini);
        ASSERT_TRUE(run_words("systemctl daemon-reload").ok());
        EXPECT_FALSE(vm.systemctl("reload").ok());
        EXPECT_EQ(unit_property(vm.unit(), "ActiveState"), "active");
        run_words("journalctl --sync");
        const std::string log = journalctl(vm.unit());
        EXPECT_NE(log.find(said), std::string::npos) << log;
        EXPECT_NE(log.find("it runs on as it was started"), std::string::npos) << log;
    }
}

// The main process is our supervisor then, which has the guest's exit status.
TEST(Reload, FindsQemuWhateverTheMainProcessIs) {
    VmUnderTest vm("reloadmain", boot_sector_ini());
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    const std::string group = "/sys/fs/cgroup" + unit_property(vm.unit(), "ControlGroup");
    const std::string supervisor = std::to_string(vm.supervisor());
    const Finished told =
        run({"sh", "-c",
             "echo $$ >" + group + "/cgroup.procs && printf MAINPID=" + supervisor +
                 " | socat -t 2 - UNIX-SENDTO:/run/systemd/notify"});
    ASSERT_TRUE(told.ok()) << told;
    ASSERT_TRUE(wait_for_property(vm.unit(), "MainPID", supervisor));
    reload(vm, boot_sector_ini() + "[VM]\nCPUs=2\n");
    const std::string log = journalctl(vm.unit());
    EXPECT_EQ(log.find(" comes"), std::string::npos) << log;
    EXPECT_NE(log.find("CPUs= in [VM]: 1 becomes 2"), std::string::npos) << log;
}

TEST(Reload, AForwardThatCannotBeHadFailsIt) {
    const std::string lan = boot_sector_ini() + "[Network lan]\n";
    VmUnderTest other("reloadtaken", lan + "HostForward=tcp:127.0.0.1:10093-:80\n");
    ASSERT_TRUE(other.start().ok()) << other.status();
    VmUnderTest vm("reloadbad", lan);
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    write_file(vm.ini_path(), lan + "HostForward=tcp:127.0.0.1:10093-:80\n");
    ASSERT_TRUE(run_words("systemctl daemon-reload").ok());
    EXPECT_FALSE(vm.systemctl("reload").ok());
    EXPECT_EQ(unit_property(vm.unit(), "ActiveState"), "active");
    EXPECT_NE(journalctl(vm.unit()).find("10093"), std::string::npos);
}

}  // namespace
}  // namespace qemunit::e2e
