// SPDX-License-Identifier: MIT
//
// `qemunitctl ssh`, and ssh itself by the installed ssh_config, to a real SSH server in a guest.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <cerrno>
#include <filesystem>

#include "common/concat.h"
#include "common/unique_fd.h"
#include "tests/e2e/ctl.h"
#include "tests/e2e/expect_contains.h"
#include "tests/e2e/guest_shell.h"
#include "tests/e2e/ssh_keys.h"
#include "tests/e2e/uplink.h"
#include "tests/e2e/user_session.h"

namespace qemunit::e2e {
namespace {

namespace fs = std::filesystem;

constexpr char kPrepare[] =
    "modprobe -a virtio_pci virtio_net qemu_fw_cfg; mkdir -p /dev/pts; "
    "mount -t devpts devpts /dev/pts; "
    "cat /sys/firmware/qemu_fw_cfg/by_name/opt/io.systemd.credentials/ssh.authorized_keys.root/raw "
    ">/root/.ssh/authorized_keys";
const std::string kServer = std::string(kPrepare) +
                            "; ip address add 10.0.2.15/24 dev eth0; ip link set eth0 up; "
                            "dropbear -R -s";

std::string ssh_ini(const Keys &keys, const std::string &uuid, const std::string &port) {
    return silent_linux_ini() + "[VM]\nUUID=" + uuid + "\n[Boot]\nInitrd=" + kGuestDir +
           "/initrd-ssh\n[Network lan]\nHostForward=tcp:127.0.0.1:" + port +
           "-:22\n[CloudInit]\nUser=root\nSSHKey=" + keys.path() + ".pub\n";
}

constexpr char kUuid[] = "6ba7b810-9dad-11d1-80b4-00c04fd430c8";
constexpr char kOtherUuid[] = "7ba7b810-9dad-11d1-80b4-00c04fd430c8";

TEST(Ssh, RunsCommandsInTheGuest) {
    const Keys keys("/root");
    const std::string folder = "/root/.local/state/qemunit/known_hosts/";
    {
        VmUnderTest vm("sshvm", ssh_ini(keys, kUuid, "10122"));
        const Finished off = ctl("ssh sshvm true");
        EXPECT_EQ(off.status, 255);
        EXPECT_EQ(off.output,
                  "qemunitctl: sshvm: is off; start it with: systemctl start qemu@sshvm\n");
        ASSERT_TRUE(vm.start().ok()) << vm.status();

        // Nobody listens yet, and the forward takes connections all the same.
        const Finished early = ctl("ssh --timeout 1s sshvm true");
        EXPECT_EQ(early.status, 255);
        EXPECT_TRUE(
            early.says("qemunitctl: sshvm: no SSH server of the guest has answered within "
                       "1 s; tried: 127.0.0.1:10122"))
            << early;

        GuestShell guest(vm);
        guest.run(kServer);
        const Finished first = run({"qemunitctl", "ssh", "sshvm", "echo", "out;", "echo", "error",
                                    ">&2;", "cat;", "exit", "7"},
                                   "in\n");
        EXPECT_EQ(first.status, 7) << first;
        for (const char *text : {"out\n", "error\n", "in\n"})
            EXPECT_TRUE(first.says(text)) << first;
        EXPECT_TRUE(fs::exists(folder + kUuid));
        EXPECT_TRUE(ctl("ssh -o LogLevel=ERROR -l root sshvm -- test -d /root").ok());

        // The others of the family, by the installed ssh_config.
        const Finished plain = run_words("ssh -n root@qemu/sshvm id -u");
        EXPECT_EQ(plain.status, 0) << plain;
        expect_contains(plain.output, "0\n");
        // The guest has no scp, which is the guest's answer; a real one is in CloudInit's test.
        const Finished sent = run_words("scp -O -q /etc/hostname root@sshvm.qemu:/tmp/got");
        EXPECT_TRUE(sent.says("scp: not found")) << sent;
        const Finished piped = run_words(
            "ssh -n -o ProxyUseFdpass=no -o LogLevel=ERROR root@sshvm.qemu cat /etc/passwd");
        expect_contains(piped.output, "root:*:0:0:root:/root:/bin/sh\n");
    }
    {  // The same VM with other host keys: somebody else may be there.
        VmUnderTest vm("sshvm", ssh_ini(keys, kUuid, "10122"));
        ASSERT_TRUE(vm.start().ok()) << vm.status();
        GuestShell(vm).run(kServer);
        const Finished changed = ctl("ssh sshvm true");
        EXPECT_EQ(changed.status, 255) << changed;
        EXPECT_TRUE(changed.says("REMOTE HOST IDENTIFICATION HAS CHANGED")) << changed;
        EXPECT_FALSE(run_words("ssh -n root@sshvm.qemu true").ok());
    }
    {  // Another VM of that name.
        VmUnderTest vm("sshvm", ssh_ini(keys, kOtherUuid, "10122"));
        ASSERT_TRUE(vm.start().ok()) << vm.status();
        GuestShell(vm).run(kServer);
        const Finished other = ctl("ssh sshvm true");
        EXPECT_EQ(other.status, 0) << other;
        EXPECT_TRUE(run_words("ssh -n root@sshvm.qemu true").ok());
    }
}

TEST(Ssh, ReachesVmsOfAUser) {
    UserSession user("joe");
    const Keys keys(user.home());
    ASSERT_TRUE(run({"chown", "-R", "joe", keys.folder()}).ok());
    VmOfUser vm(user, "vm1", ssh_ini(keys, kUuid, "10123"));
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    GuestShell(vm.socket("serial")).run(kServer);
    for (const std::vector<std::string> &command :
         {std::vector<std::string>{"qemunitctl", "--user", "ssh", "vm1", "id", "-u"},
          std::vector<std::string>{"ssh", "root@vm1.qemu-user", "id", "-u"}}) {
        const Finished ran = user.run(command);
        EXPECT_EQ(ran.status, 0) << ran;
        expect_contains(ran.output, "0\n");
    }
}

// Of another server, on this machine.
UniqueFd listener_on(const char *address, uint16_t port) {
    UniqueFd fd(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    sockaddr_in where{};
    where.sin_family = AF_INET;
    where.sin_port = htons(port);
    EXPECT_EQ(inet_pton(AF_INET, address, &where.sin_addr), 1);
    EXPECT_EQ(bind(fd.get(), reinterpret_cast<const sockaddr *>(&where), sizeof where), 0);
    EXPECT_EQ(listen(fd.get(), 8), 0);
    return fd;
}

// One of the administrator's, with an address of this machine.
class Bridge {
  public:
    Bridge(std::string name, const std::string &address) : name_(std::move(name)) {
        EXPECT_TRUE(run_words("ip link add " + name_ + " type bridge").ok());
        EXPECT_TRUE(run_words("ip address add " + address + " dev " + name_).ok());
        EXPECT_TRUE(run_words("ip link set " + name_ + " up").ok());
    }
    ~Bridge() { EXPECT_TRUE(run_words("ip link delete " + name_).ok()); }
    Bridge(const Bridge &) = delete;
    Bridge &operator=(const Bridge &) = delete;

  private:
    std::string name_;
};

// The addresses of a connection's ends, as the server in the guest sees them.
std::string connection_to(const std::string &vm) {
    const Finished told =
        run({"qemunitctl", "ssh", "-o", "LogLevel=ERROR", vm, "echo", "$SSH_CONNECTION"});
    EXPECT_TRUE(told.ok()) << told;
    return trimmed(told.output);
}

TEST(Ssh, FindsGuestsOnTapsAndBridges) {
    const Keys keys("/root");
    const Bridge bridge("sshbr", "198.51.100.1/24");
    const std::string initrd = kGuestDir + "/initrd-ssh-agent";
    write_file(initrd,
               read_file(kGuestDir + "/initrd-ssh") + read_file(kGuestDir + "/initrd-agent"));
    fs::permissions(initrd, fs::perms(0644));
    VmUnderTest vm("sshnet", silent_linux_ini() + "[VM]\nGuestAgent=yes\n[Boot]\nInitrd=" + initrd +
                                 "\n[Network lan]\nType=bridge\nBridge=sshbr\n[Network dmz]\nType="
                                 "tap\n[CloudInit]\nUser=root\nSSHKey=" +
                                 keys.path() + ".pub\n");
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    GuestShell guest(vm);
    guest.run(kPrepare);

    // Without any other address.
    guest.run("dropbear -R -s; ip link set eth0 up");
    expect_contains(connection_to("sshnet"), "%eth0");
    guest.run("ip link set eth0 down; ip link set eth1 up");
    expect_contains(connection_to("sshnet"), "%eth1");

    // As a neighbour.
    guest.run(
        "ip link set eth1 down; ip link set eth0 up; "
        "echo 1 >/proc/sys/net/ipv6/conf/all/disable_ipv6; "
        "ip address add 198.51.100.7/24 dev eth0; ping -c 1 198.51.100.1");
    expect_contains(connection_to("sshnet"), " 198.51.100.7 22");

    // By the agent alone.
    const std::string only_there = "killall dropbear; dropbear -R -s -p ";
    guest.run("ip address add 198.51.100.8/24 dev eth0; " + only_there + "198.51.100.8:22");
    guest.start_agent();
    expect_contains(connection_to("sshnet"), " 198.51.100.8 22");

    // A guest that gives itself the addresses of others: of this machine, and of one beyond it.
    const Uplink uplink;
    guest.run(
        "killall dropbear; ip address add 192.0.2.1/32 dev eth0; "
        "ip address add 192.0.2.7/32 dev eth0; ip address add 203.0.113.9/32 dev eth0");
    const UniqueFd other = listener_on("192.0.2.1", 22);
    const Finished lied = ctl("ssh --timeout=5s sshnet true");
    EXPECT_EQ(lied.status, 255) << lied;
    expect_contains(lied.output, "198.51.100.8:22");
    for (const char *address : {"192.0.2.1", "192.0.2.7", "203.0.113.9"}) {
        EXPECT_TRUE(lied.says(std::string("not tried: ") + address +
                              ", which is not on the network of sshbr"))
            << lied;
        EXPECT_FALSE(lied.says(std::string(address) + ":22")) << lied;
    }
    EXPECT_EQ(accept4(other.get(), nullptr, nullptr, SOCK_CLOEXEC), -1);
    EXPECT_EQ(errno, EAGAIN);
    fs::remove(initrd);
}

}  // namespace
}  // namespace qemunit::e2e
