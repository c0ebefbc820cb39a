// SPDX-License-Identifier: MIT
//
// What happens to a VM, as it stands in its unit's journal.
#include <gtest/gtest.h>
#include <sys/mount.h>

#include <filesystem>

#include "tests/e2e/bus.h"
#include "tests/e2e/expect_contains.h"
#include "tests/e2e/guest_shell.h"
#include "tests/e2e/journal.h"
#include "tests/e2e/unit_watch.h"

namespace qemunit::e2e {
namespace {

// The next entry of that event is this; what QEMU said of it, as JSON.
std::string expect_event(Journal &journal, const VmUnderTest &vm, const std::string &name,
                         const std::string &priority, const std::string &message,
                         const std::string &message_id) {
    const auto entry = journal.read_until_event(name);
    if (!entry) {
        ADD_FAILURE() << entry.error().message;
        return {};
    }
    EXPECT_EQ(entry->message, message);
    EXPECT_EQ(entry->priority, priority);
    EXPECT_EQ(entry->message_id, message_id);
    EXPECT_EQ(entry->vm, vm.name());
    EXPECT_EQ(entry->identifier, vm.name());
    EXPECT_EQ(entry->port, "");
    return entry->event_data;
}

// "journalctl -x -u UNIT"
std::string explained(const VmUnderTest &vm) {
    run_words("journalctl --sync");
    return run({"journalctl", "--catalog", "--no-pager", "--unit=" + vm.unit()}).output;
}

UnixClient serial_of(const VmUnderTest &vm) {
    auto client = UnixClient::connect(vm.socket("serial"));
    EXPECT_TRUE(client) << client.error().message;
    return std::move(*client);
}

TEST(Events, AGuestPowersOff) {
    VmUnderTest vm("ev-off", boot_sector_ini());
    Journal journal(vm.unit());
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    auto serial = serial_of(vm);
    ASSERT_TRUE(serial.read_until("> "));
    ASSERT_TRUE(serial.send("off\r"));
    EXPECT_EQ(expect_event(journal, vm, "SHUTDOWN", "6", "The guest powered off",
                           "5cc58b4959c245fca98ffbb417c7c849"),
              R"({"guest":true,"reason":"guest-shutdown"})");
    ASSERT_TRUE(wait_for_state(vm.unit(), "inactive"));
    const std::string text = explained(vm);
    expect_contains(text, "Subject: The virtual machine ev-off ended");
    expect_contains(text, "man:qemunit(7)");
    expect_contains(text, "The machine was switched off.");
}

TEST(Events, PausedAndResumedOnTheBus) {
    VmUnderTest vm("ev-pause", boot_sector_ini());
    Journal journal(vm.unit());
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    EXPECT_EQ(call_vm(vm.name(), "Pause").error, "");
    EXPECT_EQ(expect_event(journal, vm, "STOP", "6", "Paused", "fc39a8ca3ef94b9d87944289c74d8b81"),
              "");
    EXPECT_EQ(call_vm(vm.name(), "Resume").error, "");
    expect_event(journal, vm, "RESUME", "6", "Resumed", "111d6e33d4ec4da69319dfba0df76297");
    expect_contains(explained(vm), "Subject: The virtual machine ev-pause was paused");
}

TEST(Events, AGuestResetsItself) {
    VmUnderTest vm("ev-reset", silent_linux_ini());
    Journal journal(vm.unit());
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    auto serial = serial_of(vm);
    ASSERT_TRUE(serial.read_until("guest# "));
    ASSERT_TRUE(serial.send("reboot -f\r"));
    EXPECT_EQ(expect_event(journal, vm, "RESET", "6", "Reset by the guest",
                           "dd04c766b98a4206a08118bab2c93d07"),
              R"({"guest":true,"reason":"guest-reset"})");
}

TEST(Events, AGuestPanics) {
    VmUnderTest vm("ev-panic", silent_linux_ini() + "[VM]\nOnPanic=pause\n");
    Journal journal(vm.unit());
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    GuestShell(vm).run("modprobe pvpanic-pci");
    auto serial = serial_of(vm);
    ASSERT_TRUE(serial.send("echo c >/proc/sysrq-trigger\r"));
    expect_event(journal, vm, "GUEST_PANICKED", "2",
                 "The guest's kernel panicked; the VM is paused",
                 "00377d019d6047afaf6c4ed83d1cc95f");
    expect_contains(explained(vm), "Subject: The kernel of the guest of ev-panic panicked");
}

// The i6300esb by its registers, since the guest's kernel has no driver for it: counting at
// 1 MHz, it fires after its two default delays of a second each.
TEST(Events, AWatchdogFires) {
    VmUnderTest vm("ev-watchdog", silent_linux_ini() + "[VM]\nWatchdog=pause\n");
    Journal journal(vm.unit());
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    {
        GuestShell guest(vm);
        guest.run("cd $(dirname $(grep -l 0x25ab /sys/bus/pci/devices/*/device))");
        guest.run("printf '\\4\\0' | dd of=config bs=2 seek=48");
    }
    ASSERT_TRUE(serial_of(vm).send("printf '\\2' | dd of=config bs=1 seek=104\r"));
    EXPECT_EQ(expect_event(journal, vm, "WATCHDOG", "3", "The watchdog fired: pause",
                           "7209f66051c049bfa618304b1d635455"),
              R"({"action":"pause"})");
}

// A disk of the host that is full, and then no more.
TEST(Events, ADriveHasNoSpaceLeft) {
    const std::string folder = "/srv/full", image = folder + "/data.raw";
    std::filesystem::create_directories(folder);
    ASSERT_EQ(mount("tmpfs", folder.c_str(), "tmpfs", 0, "size=1M"), 0);
    write_file(image, "");
    std::filesystem::resize_file(image, 8 << 20);
    ASSERT_TRUE(run_words("chown qemunit: " + image).ok());
    {
        VmUnderTest vm("ev-full",
                       silent_linux_ini() + "[Drive data]\nFile=" + image + "\nFormat=raw\n");
        Journal journal(vm.unit());
        ASSERT_TRUE(vm.start().ok()) << vm.status();
        GuestShell(vm).run("modprobe -a virtio_pci virtio_blk");
        auto serial = serial_of(vm);
        ASSERT_TRUE(serial.send(
            "dd if=/dev/zero of=/dev/vda bs=64k count=64; sync; echo a\"ll written\"\r"));
        const std::string data = expect_event(
            journal, vm, "BLOCK_IO_ERROR", "3",
            "I/O error on drive 'data': No space left on device (writing); the guest is paused",
            "7d3366db7b274835a6d0b35d23dd31ce");
        expect_contains(data, R"("nospace":true)");
        expect_contains(data, R"("device":"data")");
        expect_event(journal, vm, "STOP", "6", "Paused", "fc39a8ca3ef94b9d87944289c74d8b81");
        const std::string text = explained(vm);
        expect_contains(text, "Subject: The virtual machine ev-full has an I/O error on a drive");
        expect_contains(text, "What QEMU said about it: {\"action\":\"stop\"");

        ASSERT_EQ(mount("tmpfs", folder.c_str(), "tmpfs", MS_REMOUNT, "size=32M"), 0);
        EXPECT_EQ(call_vm(vm.name(), "Resume").error, "");
        auto line = journal.read_until_line("all written");
        EXPECT_TRUE(line) << line.error().message;
    }
    EXPECT_EQ(umount(folder.c_str()), 0);
}

}  // namespace
}  // namespace qemunit::e2e
