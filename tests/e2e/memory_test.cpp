// SPDX-License-Identifier: MIT
//
// SetBalloon, DumpMemory and GetStatistics of org.qemunit1.VM.
#include <elf.h>
#include <fcntl.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "common/unique_fd.h"
#include "tests/e2e/expect_contains.h"
#include "tests/e2e/guest_shell.h"
#include "tests/e2e/unit_watch.h"
#include "tests/e2e/vm_call_with.h"

namespace qemunit::e2e {
namespace {

constexpr uint64_t kMiB = 1 << 20;

BusReply set_balloon(const VmUnderTest &vm, uint64_t bytes) {
    return call_vm_with_one(vm.name(), "SetBalloon", "t", bytes);
}

BusReply dump_memory(const VmUnderTest &vm, int fd) {
    return call_vm_with_one(vm.name(), "DumpMemory", "h", fd);
}

std::string statistics(const VmUnderTest &vm) {
    return run({"busctl", "call", "org.qemunit1", "/org/qemunit1/vm/" + vm.name(),
                "org.qemunit1.VM", "GetStatistics"})
        .output;
}

TEST(Memory, TheBalloonTakesItFromTheGuest) {
    VmUnderTest vm("balloon", silent_linux_ini() + "[VM]\nBalloon=yes\n");
    VmUnderTest without("noballoon", boot_sector_ini());
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    ASSERT_TRUE(without.start().ok()) << without.status();
    GuestShell guest(vm);
    guest.run("modprobe -a virtio_pci virtio_balloon");
    BusReply reply = set_balloon(vm, 192 * kMiB);
    EXPECT_EQ(reply.error, "") << reply;
    const std::string smaller = "\"BalloonActual\" t 201326592";
    const Deadline deadline;
    while (statistics(vm).find(smaller) == std::string::npos && !deadline.passed())
        guest.run("cat /proc/meminfo");
    expect_contains(statistics(vm), smaller);
    expect_contains(statistics(vm), "\"Memory\" t 268435456");

    reply = set_balloon(vm, 257 * kMiB);
    EXPECT_EQ(reply.error, "org.qemunit1.Error.InvalidArgument") << reply;
    expect_contains(reply.message, "has 268435456 bytes of memory");
    EXPECT_EQ(set_balloon(vm, 0).error, "org.qemunit1.Error.InvalidArgument");
    reply = set_balloon(without, 32 * kMiB);
    EXPECT_EQ(reply.error, "org.qemunit1.Error.Monitor") << reply;
    expect_contains(reply.message, "Balloon=yes in [VM]");
    EXPECT_EQ(statistics(without).find("BalloonActual"), std::string::npos);
}

TEST(Memory, ADumpIsACoreFileAndTheVmRunsOn) {
    VmUnderTest vm("dump", boot_sector_ini());
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    const std::string path = "/var/lib/dump.core";
    const UniqueFd file(open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    ASSERT_TRUE(file);
    BusReply reply = dump_memory(vm, file.get());
    EXPECT_EQ(reply.error, "") << reply;
    EXPECT_NE(monitor_command(vm.name(), "info status").value.find("running"), std::string::npos);
    Elf64_Ehdr header{};
    const UniqueFd core(open(path.c_str(), O_RDONLY | O_CLOEXEC));
    ASSERT_EQ(read(core.get(), &header, sizeof header), static_cast<ssize_t>(sizeof header));
    EXPECT_EQ(std::string_view(reinterpret_cast<char *>(header.e_ident), SELFMAG), ELFMAG);
    EXPECT_EQ(header.e_type, ET_CORE);
    EXPECT_GT(std::filesystem::file_size(path), 64 * kMiB);

    // QEMU's reason when it fails, and the VM runs on then, too.
    const UniqueFd full(open("/dev/full", O_WRONLY | O_CLOEXEC));
    reply = dump_memory(vm, full.get());
    EXPECT_EQ(reply.error, "org.qemunit1.Error.Monitor") << reply;
    EXPECT_NE(monitor_command(vm.name(), "info status").value.find("running"), std::string::npos);
    reply = dump_memory(vm, core.get());
    EXPECT_EQ(reply.error, "org.qemunit1.Error.InvalidArgument") << reply;
    expect_contains(reply.message, "not open for writing");
    EXPECT_EQ(call_vm(vm.name(), "Pause").error, "");
    reply = dump_memory(vm, file.get());
    EXPECT_EQ(reply.error, "") << reply;
    EXPECT_NE(monitor_command(vm.name(), "info status").value.find("paused"), std::string::npos);
    std::filesystem::remove(path);
}

TEST(Memory, StatisticsAreWhatQemuAndSystemdKnow) {
    VmUnderTest vm("statistics", silent_linux_ini() + "[Drive data]\nFile=data.img\nSize=1M\n");
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    GuestShell guest(vm);
    guest.run(
        "modprobe -a virtio_pci virtio_blk; dd if=/dev/zero of=/dev/vda bs=64k count=2; sync");
    const std::string known = statistics(vm);
    for (const char *key :
         {"\"CPUs\" t 1", "\"Memory\" t 268435456", "\"Drives\" a{sa{st}} 1 \"data\" 15 ",
          "\"wr_bytes\" 131072", "\"failed_wr_operations\" 0"})
        expect_contains(known, key);
    // What systemd knows depends on the machine that the tests run on.
    for (const std::string key : {"CPUUsageNSec", "MemoryCurrent"})
        EXPECT_EQ(known.find("\"" + key + "\" t ") != std::string::npos,
                  unit_property(vm.unit(), key) != "[not set]")
            << known;
    // For everybody, and only of a VM that runs.
    const Finished nobody = run_words(
        "setpriv --reuid=nobody --regid=nogroup --clear-groups busctl call org.qemunit1 "
        "/org/qemunit1/vm/statistics org.qemunit1.VM GetStatistics");
    EXPECT_TRUE(nobody.ok()) << nobody;
    ASSERT_TRUE(vm.stop().ok());
    EXPECT_EQ(call_vm(vm.name(), "GetStatistics").error, "org.qemunit1.Error.NotRunning");
}

}  // namespace
}  // namespace qemunit::e2e
