// SPDX-License-Identifier: MIT
//
// `qemunitctl ssh`, and ssh itself by the installed ssh_config, to a real SSH server in a guest.
#include <gtest/gtest.h>

#include <filesystem>

#include "common/concat.h"
#include "tests/e2e/ctl.h"
#include "tests/e2e/expect_contains.h"
#include "tests/e2e/guest_shell.h"
#include "tests/e2e/user_session.h"

namespace qemunit::e2e {
namespace {

namespace fs = std::filesystem;

constexpr char kServer[] =
    "modprobe -a virtio_pci virtio_net qemu_fw_cfg; ip address add 10.0.2.15/24 dev eth0; "
    "ip link set eth0 up; mkdir -p /dev/pts; mount -t devpts devpts /dev/pts; "
    "cat /sys/firmware/qemu_fw_cfg/by_name/opt/io.systemd.credentials/ssh.authorized_keys.root/raw "
    ">/root/.ssh/authorized_keys; dropbear -R -s";

// Gone with their folder: keys of the caller, in the place where ssh looks.
class Keys {
  public:
    explicit Keys(std::string home) : folder_(std::move(home) + "/.ssh") {
        fs::create_directories(folder_);
        const Finished made = run({"ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", path()});
        EXPECT_TRUE(made.ok()) << made;
    }
    ~Keys() {
        fs::remove_all(folder_);
        fs::remove_all(fs::path(folder_).parent_path() / ".local/state/qemunit");
    }
    std::string path() const { return folder_ + "/id_ed25519"; }
    const std::string &folder() const { return folder_; }

  private:
    std::string folder_;
};

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

}  // namespace
}  // namespace qemunit::e2e
