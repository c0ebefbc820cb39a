// SPDX-License-Identifier: MIT
//
// Processors, memory and networks that come while a VM runs, by D-Bus and by a reload of the ini.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <filesystem>

#include "common/unique_fd.h"
#include "tests/e2e/expect_contains.h"
#include "tests/e2e/guest_shell.h"
#include "tests/e2e/reload.h"
#include "tests/e2e/vm_call_with.h"

namespace qemunit::e2e {
namespace {

constexpr uint64_t kMiB = 1 << 20;

BusReply set_cpus(const VmUnderTest &vm, uint32_t cpus) {
    return call_vm_with_one(vm.name(), "SetCPUs", "u", cpus);
}
BusReply set_memory(const VmUnderTest &vm, uint64_t bytes) {
    return call_vm_with_one(vm.name(), "SetMemory", "t", bytes);
}
BusReply attach(const VmUnderTest &vm, const std::string &name, int fd, const char *mac) {
    return call_vm_with(vm.name(), "AttachNetwork", [&](sd_bus_message *call) {
        return sd_bus_message_append(call, "sha{sv}", name.c_str(), fd, 1, "mac", "s", mac);
    });
}

// "2": as many as run. Those that are new have to be told, without udev.
std::string processors_of(GuestShell &guest) {
    return guest.run(
        "for f in /sys/devices/system/cpu/cpu[0-9]*/online; do echo 1 >$f; done 2>/dev/null; "
        "grep -c ^processor /proc/cpuinfo");
}
// Waits until the guest has `count` of these folders.
void wait_for(GuestShell &guest, const std::string &folders, int count) {
    guest.run("while [ $(ls -d " + folders + " | wc -l) != " + std::to_string(count) +
              " ]; do usleep 50000; done");
}
constexpr char kProcessors[] = "/sys/devices/system/cpu/cpu[0-9]*",
               kMemory[] = "/sys/devices/system/memory/memory[0-9]*";

std::string growing_ini(const std::string &cpus, const std::string &memory) {
    return silent_linux_ini() + "[VM]\nCPUs=" + cpus + "\nMemory=" + memory +
           "\n[CPU]\nMaximum=3\n[Memory]\nMaximum=1G\n";
}

TEST(HotPlug, ProcessorsComeAndGo) {
    VmUnderTest vm("plugcpus", growing_ini("1", "256M"));
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    GuestShell guest(vm);
    EXPECT_EQ(processors_of(guest), "1\n");
    ASSERT_EQ(set_cpus(vm, 3).error, "");
    wait_for(guest, kProcessors, 3);
    EXPECT_EQ(processors_of(guest), "3\n");
    BusReply reply = set_cpus(vm, 4);
    EXPECT_EQ(reply.error, "org.qemunit1.Error.InvalidArgument") << reply;
    expect_contains(reply.message, "has 3 processors and room for 3");
    // What no other start has is in no snapshot and in no saved state.
    expect_contains(call_vm(vm.name(), "SaveSnapshot", "one").message,
                    "has got a processor since it was started");
    expect_contains(call_vm(vm.name(), "Hibernate").message,
                    "a processor was plugged in since the VM was started");
    ASSERT_EQ(set_cpus(vm, 1).error, "");
    wait_for(guest, kProcessors, 1);
    EXPECT_EQ(processors_of(guest), "1\n");
    reply = set_cpus(vm, 0);
    EXPECT_EQ(reply.error, "org.qemunit1.Error.InvalidArgument") << reply;
}

TEST(HotPlug, MemoryComes) {
    VmUnderTest vm("plugmem", growing_ini("1", "256M"));
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    GuestShell guest(vm);
    const int before = std::stoi(guest.run(std::string("ls -d ") + kMemory + " | wc -l"));
    ASSERT_EQ(set_memory(vm, 512 * kMiB).error, "");
    wait_for(guest, kMemory, before + 2);
    BusReply reply = set_memory(vm, 600 * kMiB);
    expect_contains(reply.message, "comes by 134217728 bytes at a time");
    reply = set_memory(vm, 2048 * kMiB);
    expect_contains(reply.message, "room for 1073741824");
    ASSERT_EQ(set_memory(vm, 1024 * kMiB).error, "");
    wait_for(guest, kMemory, before + 6);
    reply = set_memory(vm, 256 * kMiB);
    expect_contains(reply.message, "has no memory balloon");
    expect_contains(call_vm(vm.name(), "LoadSnapshot", "one").message,
                    "has got memory since it was started");

    VmUnderTest fixed("plugnone", boot_sector_ini());
    ASSERT_TRUE(fixed.start().ok()) << fixed.status();
    reply = set_memory(fixed, 192 * kMiB);
    expect_contains(reply.message, "Maximum= in [Memory]");
    expect_contains(set_cpus(fixed, 2).message, "Maximum= in [CPU]");
}

// What virtiofsd maps, for one.
TEST(HotPlug, MemoryIsSharedAsTheOther) {
    VmUnderTest vm("plugshare", growing_ini("1", "256M") + "Shared=yes\n");
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    ASSERT_EQ(set_memory(vm, 384 * kMiB).error, "");
    const std::string devices = monitor_command(vm.name(), "info memdev").value;
    EXPECT_NE(devices.find("memory backend: qemunit-dimm-1"), std::string::npos) << devices;
    EXPECT_EQ(devices.find("share: false"), std::string::npos) << devices;
    // Again, to what it has.
    EXPECT_EQ(set_memory(vm, 384 * kMiB).error, "");
    // What a call that was cut short has left goes with the next one.
    const auto execute = [&](const char *command, const std::string &arguments) {
        return call_vm_with(vm.name(), "Execute", [&](sd_bus_message *call) {
            return sd_bus_message_append(call, "ss", command, arguments.c_str());
        });
    };
    ASSERT_EQ(execute("object-add", R"({"qom-type":"memory-backend-ram","id":"qemunit-dimm-2",)"
                                    R"("size":134217728})")
                  .error,
              "");
    ASSERT_EQ(set_memory(vm, 512 * kMiB).error, "");
    EXPECT_EQ(execute("qom-list", R"({"path":"/objects"})").value.find("qemunit-dimm-2"),
              std::string::npos);
}

TEST(HotPlug, AReloadBringsWhatTheIniSays) {
    VmUnderTest vm("plugini", growing_ini("1", "256M"));
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    GuestShell guest(vm);
    reload(vm, growing_ini("2", "512M"));
    wait_for(guest, kProcessors, 2);
    expect_contains(log_of(vm), "memory of the guest: 512 MiB");
    expect_contains(log_of(vm), "processors: 2");
    reload(vm, growing_ini("1", "512M"));
    wait_for(guest, kProcessors, 1);
}

// The guest's frames come by a socket, each behind its length.
TEST(HotPlug, ANetworkComesAndGoes) {
    VmUnderTest vm("plugnet", silent_linux_ini() + "[VM]\nHotPlugPorts=1\n");
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    GuestShell guest(vm);
    guest.run("modprobe -a virtio_pci virtio_net");
    for (int i = 0; i < 2; ++i) {
        int fds[2];
        ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
        const UniqueFd ours(fds[0]);
        {
            const UniqueFd theirs(fds[1]);
            const BusReply attached = attach(vm, "lan", theirs.get(), "52:54:00:aa:bb:cc");
            ASSERT_EQ(attached.error, "") << attached;
        }
        guest.run("while [ ! -d /sys/class/net/eth0 ]; do usleep 50000; done");
        EXPECT_EQ(guest.run("cat /sys/class/net/eth0/address"), "52:54:00:aa:bb:cc\n");
        guest.run("ip link set eth0 up; ip address add 192.0.2.1/24 dev eth0");
        guest.run("ping -c 1 -W 1 192.0.2.2 >/dev/null");  // an ARP request for that one
        pollfd ready{ours.get(), POLLIN, 0};
        ASSERT_EQ(poll(&ready, 1, Deadline().poll_timeout()), 1);
        unsigned char frame[18];
        ASSERT_EQ(recv(ours.get(), frame, sizeof frame, MSG_WAITALL), 18);
        EXPECT_EQ(std::string(reinterpret_cast<char *>(frame + 10), 6),
                  std::string("\x52\x54\x00\xaa\xbb\xcc", 6));
        const BusReply again = attach(vm, "lan", ours.get(), "52:54:00:aa:bb:cd");
        expect_contains(again.message, "has an attached network 'lan' already");
        expect_contains(attach(vm, "other", ours.get(), "52:54:00:aa:bb:cd").message,
                        "has no place for another network");
        const BusReply detached = call_vm(vm.name(), "DetachNetwork", "lan");
        ASSERT_EQ(detached.error, "") << detached;
        guest.run("while [ -d /sys/class/net/eth0 ]; do usleep 50000; done");
        EXPECT_EQ(monitor_command(vm.name(), "info network").value.find("hotnet"),
                  std::string::npos);
    }
    expect_contains(call_vm(vm.name(), "DetachNetwork", "lan").message,
                    "has no attached network 'lan'");
    const UniqueFd null(open("/dev/null", O_RDWR | O_CLOEXEC));
    expect_contains(attach(vm, "lan", null.get(), "52:54:00:aa:bb:cc").message,
                    "neither a tap interface nor a connected socket");
}

TEST(HotPlug, ATapIsTheHostsEnd) {
    const UniqueFd tap(open("/dev/net/tun", O_RDWR | O_CLOEXEC));
    if (!tap)
        GTEST_SKIP() << "/dev/net/tun: " << strerror(errno);
    ifreq request{.ifr_ifrn = {"plugtap"}, .ifr_ifru = {}};
    request.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR;
    ASSERT_EQ(ioctl(tap.get(), TUNSETIFF, &request), 0) << strerror(errno);
    ASSERT_TRUE(run_words("ip address add 192.0.2.2/24 dev plugtap").ok());
    ASSERT_TRUE(run_words("ip link set plugtap up").ok());
    VmUnderTest vm("plugtap", silent_linux_ini() + "[VM]\nMachine=pc\n");
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    GuestShell guest(vm);
    guest.run("modprobe -a virtio_pci virtio_net");
    const BusReply attached = attach(vm, "lan", tap.get(), "52:54:00:aa:bb:cc");
    ASSERT_EQ(attached.error, "") << attached;
    guest.run("while [ ! -d /sys/class/net/eth0 ]; do usleep 50000; done");
    guest.run("ip link set eth0 up; ip address add 192.0.2.1/24 dev eth0");
    EXPECT_EQ(guest.run("ping -c 1 -W 20 192.0.2.2 >/dev/null; echo $?"), "0\n");
}

}  // namespace
}  // namespace qemunit::e2e
