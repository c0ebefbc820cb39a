// SPDX-License-Identifier: MIT
//
// AttachDrive and DetachDrive of org.qemunit1.VM.
#include <fcntl.h>
#include <gtest/gtest.h>

#include <csignal>
#include <filesystem>
#include <thread>

#include "common/unique_fd.h"
#include "tests/e2e/expect_contains.h"
#include "tests/e2e/guest_shell.h"
#include "tests/e2e/silent_file.h"
#include "tests/e2e/unit_watch.h"
#include "tests/e2e/vm_call_with.h"

namespace qemunit::e2e {
namespace {

constexpr int kSize = 3 << 20;  // unlike any other drive

// A file that only root can open, and what a program does with it.
class Image {
  public:
    explicit Image(const std::string &vm) : path_("/var/lib/" + vm + "-hot.img") {
        write_file(path_, "hot content\n");
        std::filesystem::resize_file(path_, kSize);
        std::filesystem::permissions(
            path_, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
    }
    ~Image() { std::filesystem::remove(path_); }
    Image(const Image &) = delete;
    Image &operator=(const Image &) = delete;

    const std::string &path() const { return path_; }

    BusReply attach(const VmUnderTest &vm, const std::string &name, int flags = O_RDWR,
                    const AppendArguments &options = none) const {
        const UniqueFd fd(open(path_.c_str(), flags | O_CLOEXEC));
        EXPECT_TRUE(fd);
        return call_vm_with(vm.name(), "AttachDrive", [&](sd_bus_message *call) {
            const int r = sd_bus_message_append(call, "sh", name.c_str(), fd.get());
            return r < 0 ? r : options(call);
        });
    }

    static int none(sd_bus_message *call) { return sd_bus_message_append(call, "a{sv}", 0); }

  private:
    std::string path_;
};

BusReply detach(const VmUnderTest &vm, const std::string &name) {
    return call_vm(vm.name(), "DetachDrive", name);
}

std::string execute(const VmUnderTest &vm, const std::string &command) {
    return run({"busctl", "--timeout=80", "call", "org.qemunit1", "/org/qemunit1/vm/" + vm.name(),
                "org.qemunit1.VM", "Execute", "ss", command, ""})
        .output;
}

void kill_daemon() {
    NameWatch name;
    ASSERT_EQ(kill(std::stoi(unit_property("qemunitd.service", "MainPID")), SIGKILL), 0);
    ASSERT_TRUE(name.wait_for_loss());
}

// What the guest has of it: its size, and its first line. The kernel says when it comes and goes.
std::string wait_for_disk(GuestShell &guest, const std::string &device) {
    // Its node is there a moment before the kernel opens it.
    return guest.run("until head -c 1 /dev/" + device +
                     " >/dev/null 2>&1; do usleep 50000; done; cat /sys/block/" + device +
                     "/size; head -n 1 /dev/" + device);
}

std::string expected_disk() {
    return std::to_string(kSize / 512) + "\nhot content\n";
}

// A drive comes and goes, and QEMU keeps nothing of it.
void come_and_go(const std::string &name, const std::string &ini, const std::string &modules,
                 const std::string &device) {
    VmUnderTest vm(name, silent_linux_ini() + ini);
    const Image image(name);
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    GuestShell guest(vm);
    guest.run("modprobe -a " + modules);
    const std::string nodes = execute(vm, "query-named-block-nodes");
    for (int i = 0; i < 2; ++i) {
        const BusReply attached = image.attach(vm, "data");
        ASSERT_EQ(attached.error, "") << attached;
        EXPECT_EQ(wait_for_disk(guest, device), expected_disk());
        expect_contains(execute(vm, "query-fdsets"), "qemunit-drive:data");
        if (i == 0)
            kill_daemon();
        const BusReply detached = detach(vm, "data");
        ASSERT_EQ(detached.error, "") << detached;
        guest.run("while [ -b /dev/" + device + " ]; do usleep 50000; done");
        EXPECT_EQ(execute(vm, "query-named-block-nodes"), nodes);
        EXPECT_EQ(execute(vm, "query-fdsets").find("qemunit-drive"), std::string::npos);
    }
}

TEST(HotDrive, ComesAndGoesOnAPc) {
    come_and_go("hotpc", "[VM]\nMachine=pc\n", "virtio_pci virtio_blk", "vda");
}

TEST(HotDrive, ComesAndGoesInARootPort) {
    come_and_go("hotport", "[VM]\nHotPlugPorts=1\n", "virtio_pci virtio_blk", "vda");
}

TEST(HotDrive, ComesAndGoesOnAScsiController) {
    come_and_go("hotscsi", "[Drive first]\nFile=first.img\nSize=1M\nInterface=scsi\n",
                "virtio_pci virtio_scsi sd_mod", "sdb");
}

TEST(HotDrive, IsWritableOrNotAsItIsOpen) {
    VmUnderTest vm("hotwrite", silent_linux_ini() + "[VM]\nMachine=pc\n");
    const Image image("hotwrite");
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    GuestShell guest(vm);
    guest.run("modprobe -a virtio_pci virtio_blk");
    BusReply reply = image.attach(vm, "one", O_RDWR, [](sd_bus_message *call) {
        return sd_bus_message_append(call, "a{sv}", 2, "serial", "s", "S-1", "format", "s", "raw");
    });
    ASSERT_EQ(reply.error, "") << reply;
    wait_for_disk(guest, "vda");
    EXPECT_EQ(guest.run("cat /sys/block/vda/ro /sys/block/vda/serial; echo"), "0\nS-1\n");
    guest.run("echo by the guest >/dev/vda; sync");
    EXPECT_EQ(read_file(image.path()).substr(0, 13), "by the guest\n");

    // The image is locked while it is in use.
    reply = image.attach(vm, "two");
    EXPECT_EQ(reply.error, "org.qemunit1.Error.Monitor") << reply;
    expect_contains(reply.message, "lock");
    expect_contains(execute(vm, "query-fdsets"), "qemunit-drive:one");
    EXPECT_EQ(execute(vm, "query-fdsets").find("qemunit-drive:two"), std::string::npos);
    EXPECT_EQ(detach(vm, "one").error, "");

    for (const int flags : {O_RDONLY, O_RDWR}) {
        reply = image.attach(vm, "two", flags, [](sd_bus_message *call) {
            return sd_bus_message_append(call, "a{sv}", 1, "read-only", "b", 1);
        });
        ASSERT_EQ(reply.error, "") << reply;
        wait_for_disk(guest, "vda");
        EXPECT_EQ(guest.run("cat /sys/block/vda/ro"), "1\n");
        EXPECT_EQ(detach(vm, "two").error, "");
    }
}

TEST(HotDrive, ErrorsSayWhatToDo) {
    VmUnderTest vm("hoterror", boot_sector_ini());
    VmUnderTest pc("hoterror2", boot_sector_ini() + "[VM]\nMachine=pc\n");
    const Image image("hoterror");
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    ASSERT_TRUE(pc.start().ok()) << pc.status();
    const auto expect_error = [](const BusReply &reply, const std::string &error,
                                 const std::string &part) {
        EXPECT_EQ(reply.error, "org.qemunit1.Error." + error) << reply;
        expect_contains(reply.message, part);
    };
    const auto option = [](const char *key, const char *value) {
        return [=](sd_bus_message *call) {
            return sd_bus_message_append(call, "a{sv}", 1, key, "s", value);
        };
    };
    expect_error(image.attach(vm, "data"), "Monitor", "HotPlugPorts=1 to [VM]");
    expect_error(image.attach(pc, "root"), "InvalidArgument", "has a device 'root' already");
    expect_error(image.attach(pc, "da ta"), "InvalidArgument", "is made of the letters");
    expect_error(image.attach(pc, "data", O_RDWR, option("cache", "none")), "InvalidArgument",
                 "Option 'cache'");
    expect_error(image.attach(pc, "data", O_RDWR, option("format", "vmdk")), "InvalidArgument",
                 "none of raw, qcow2");
    expect_error(image.attach(pc, "data", O_RDWR, option("format", "qcow2")), "Monitor", "qcow2");
    expect_error(image.attach(pc, "data", O_WRONLY), "InvalidArgument", "for writing only");
    expect_error(detach(pc, "root"), "InvalidArgument", "was not attached");
    expect_error(detach(pc, "data"), "InvalidArgument", "has no attached drive 'data'");

    // One that stands alone is the only one that is attached.
    const auto attach_made = [&](const std::string &how) {
        std::filesystem::remove("/var/lib/made.qcow2");
        EXPECT_TRUE(run_words("qemu-img create -q -f qcow2 " + how).ok()) << how;
        const UniqueFd fd(open("/var/lib/made.qcow2", O_RDWR | O_CLOEXEC));
        return call_vm_with(pc.name(), "AttachDrive", [&](sd_bus_message *call) {
            return sd_bus_message_append(call, "sha{sv}", "made", fd.get(), 1, "format", "s",
                                         "qcow2");
        });
    };
    expect_error(attach_made("-F raw -b /etc/passwd /var/lib/made.qcow2"), "InvalidArgument",
                 "has a backing file");
    expect_error(attach_made("-F raw -u -b nbd://localhost /var/lib/made.qcow2 1M"),
                 "InvalidArgument", "has a backing file");
    expect_error(attach_made("-o data_file=/var/lib/made.data /var/lib/made.qcow2 1M"),
                 "InvalidArgument", "has an external data file");
    EXPECT_EQ(attach_made("/var/lib/made.qcow2 1M").error, "");
    std::filesystem::remove("/var/lib/made.qcow2");
    std::filesystem::remove("/var/lib/made.data");

    // A boot sector knows nothing of hot-plugging: it never lets go.
    EXPECT_EQ(image.attach(pc, "data").error, "");
    expect_error(image.attach(pc, "data"), "InvalidArgument", "an attached drive 'data' already");
    expect_error(detach(pc, "data"), "Timeout", "has not let go of drive 'data'");
    expect_error(detach(pc, "other"), "InvalidArgument", "it has data, made");
    // At a reset, the machine takes it out.
    ASSERT_EQ(call_vm(pc.name(), "Reset").error, "");
    const BusReply gone = detach(pc, "data");
    EXPECT_TRUE(gone.error.empty() || gone.message.ends_with("it has made")) << gone;
    EXPECT_EQ(image.attach(pc, "data").error, "");
}

// Of whose file system the caller may be the program: the header is read where nobody else waits.
TEST(HotDrive, AFileThatIsNeverReadStallsNobody) {
    VmUnderTest vm("hotsilent", boot_sector_ini() + "[VM]\nMachine=pc\n");
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    SilentFile file("/var/lib/hotsilent.qcow2");
    if (!file.is_there())
        GTEST_SKIP() << "FUSE is not to be had here";
    const std::string daemon = unit_property("qemunitd.service", "MainPID");
    const auto attach = [&] {
        const UniqueFd fd(open(file.path().c_str(), O_RDWR | O_CLOEXEC));
        EXPECT_TRUE(fd);
        return call_vm_with("hotsilent", "AttachDrive", [&](sd_bus_message *call) {
            return sd_bus_message_append(call, "sha{sv}", "silent", fd.get(), 1, "format", "s",
                                         "qcow2");
        });
    };
    BusReply first, second;
    std::thread callers[] = {std::thread([&] { first = attach(); }),
                             std::thread([&] { second = attach(); })};
    EXPECT_TRUE(file.wait_for_readers(2));
    const Finished meanwhile =
        run({"busctl", "--timeout=5", "call", "org.qemunit1", "/org/qemunit1/vm/hotsilent",
             "org.qemunit1.VM", "MonitorCommand", "s", "info status"});
    EXPECT_TRUE(meanwhile.ok()) << meanwhile;
    for (std::thread &caller : callers)
        caller.join();
    for (const BusReply &reply : {first, second}) {
        EXPECT_EQ(reply.error, "org.qemunit1.Error.Timeout");
        expect_contains(reply.message, "its file system does not answer");
    }
    // Those that wait there count on, and hold up no end of qemunitd.
    EXPECT_EQ(attach().error, "org.freedesktop.DBus.Error.LimitsExceeded");
    EXPECT_EQ(unit_property("qemunitd.service", "MainPID"), daemon);
    EXPECT_TRUE(run_words("timeout 20 systemctl restart qemunitd").ok());
}

}  // namespace
}  // namespace qemunit::e2e
