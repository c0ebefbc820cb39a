// SPDX-License-Identifier: MIT
//
// What a guest finds of [CloudInit]: the volume that cloud-init looks for, and the credentials of
// systemd. tests/cloud-image/boot has a real cloud-init read it.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>

#include "tests/e2e/expect_contains.h"
#include "tests/e2e/guest_shell.h"
#include "tests/e2e/user_session.h"
#include "tests/e2e/vm_under_test.h"

namespace qemunit::e2e {
namespace {

const std::string kKey =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDVB7AIejoa3KUJSiffWbX6SB5DVjqj/jeO88DSRRKhe joe@desk";
const std::string kHash =
    R"($6$saltsalt$TVLlQcbpFVof5W3Yz4DTP6gRstiNuHwwTt6GLc1E5n0U0aDehy0S5knV8wiOQSpT0Y77vwPZN.Pq.H91p5hVO1)";

const std::string kMount =
    "modprobe -a virtio_pci virtio_blk vfat nls_cp437 nls_ascii qemu_fw_cfg; "
    "mount -o ro $(findfs LABEL=cidata) /mnt";
const std::string kCredentials = "/sys/firmware/qemu_fw_cfg/by_name/opt/io.systemd.credentials/";

std::string instance_of(const VmUnderTest &vm) {
    GuestShell guest(vm);
    guest.run(kMount);
    return guest.run("head -n 1 /mnt/meta-data");
}

TEST(CloudInit, TheGuestFindsItsNameUserKeysAndPassword) {
    write_file("/srv/more.pub", "# of the team\n\n" + kKey + " one\n" + kKey + " two\n");
    const std::string ini = silent_linux_ini() +
                            "[CloudInit]\nHostname=web.example.org\nUser=joe\n" + "SSHKey=" + kKey +
                            "\nSSHKey=/srv/more.pub\n";
    std::string first;
    {
        VmUnderTest vm("seeded", ini + "Password=" + kHash + "\n");
        ASSERT_TRUE(vm.start().ok()) << vm.status();
        GuestShell guest(vm);
        guest.run(kMount);
        EXPECT_EQ(guest.run("ls -1 /mnt"), "meta-data\nuser-data\n");
        const std::string user_data = guest.run("cat /mnt/user-data");
        EXPECT_EQ(user_data,
                  "#cloud-config\nuser:\n  name: \"joe\"\n  lock_passwd: false\n"
                  "  hashed_passwd: \"" +
                      kHash + "\"\nmanage_etc_hosts: localhost\nssh_authorized_keys:\n" + "  - \"" +
                      kKey + "\"\n  - \"" + kKey + " one\"\n  - \"" + kKey + " two\"\n");
        const std::string meta_data = guest.run("cat /mnt/meta-data");
        expect_contains(meta_data, "instance-id: \"seeded-");
        expect_contains(meta_data, "local-hostname: \"web.example.org\"\n");
        EXPECT_EQ(guest.run("cat " + kCredentials + "system.hostname/raw; echo"),
                  "web.example.org\n");
        expect_contains(guest.run("cat " + kCredentials + "ssh.authorized_keys.root/raw"), kKey);
        expect_contains(guest.run("cat " + kCredentials + "passwd.hashed-password.joe/raw; echo"),
                        kHash);
        expect_contains(
            guest.run("grep -a -o 'io.systemd.credential.binary:ssh.ephemeral-authorized"
                      "_keys-all=[A-Za-z0-9]*' /sys/firmware/dmi/tables/DMI"),
            "=c3NoLWVkMjU1MTkg");  // "ssh-ed25519 "
        expect_contains(guest.run("touch /mnt/x; echo x >/dev/vda"), "ead-only");
        // Nobody else reads the hash.
        for (const std::string &word : vm.command_line())
            EXPECT_FALSE(word.contains("saltsalt")) << word;
        for (const char *unit : {"qemu@seeded", "qemu-credential@seeded"}) {
            EXPECT_FALSE(run({"systemctl", "cat", unit}).says("saltsalt"));
            EXPECT_FALSE(run({"systemctl", "show", unit}).says("saltsalt"));
        }
        for (const char *path : {"/run/qemunit-generator", "/run/qemunit-credentials/seeded"}) {
            struct stat status {};
            ASSERT_EQ(stat(path, &status), 0) << path;
            EXPECT_EQ(status.st_mode & 077, 0u) << path;
        }
        first = guest.run("head -n 1 /mnt/meta-data");
        ASSERT_TRUE(vm.systemctl("restart").ok());
        EXPECT_EQ(instance_of(vm), first);
    }
    EXPECT_FALSE(std::filesystem::exists("/run/qemunit-generator/passwords/seeded"));
    VmUnderTest vm("seeded", ini);
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    EXPECT_NE(instance_of(vm), first);
    std::filesystem::remove("/srv/more.pub");
}

TEST(CloudInit, FilesAreTheUsersOwn) {
    UserSession user("joe");
    user.write(user.home() + "/user-data", "#!/bin/sh\n" + std::string(5000, '#') + "\nend\n");
    user.write(user.home() + "/network", "version: 2\n");
    VmOfUser vm(user, "vm1",
                silent_linux_ini() + "[CloudInit]\nUserData=" + user.home() +
                    "/user-data\nNetworkConfig=" + user.home() + "/network\n");
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    GuestShell guest(vm.socket("serial"));
    guest.run(kMount);
    EXPECT_EQ(guest.run("cat /mnt/network-config"), "version: 2\n");
    EXPECT_EQ(guest.run("md5sum </mnt/user-data | cut -c 1-32"),
              run_words("md5sum " + user.home() + "/user-data").output.substr(0, 32) + "\n");
    expect_contains(guest.run("cat /mnt/meta-data"), "local-hostname: \"vm1\"\n");
}

// As files of a credential: see PrivilegedSteps.
TEST(CloudInit, WhatCannotBeReadDoesNotStart) {
    write_file("/srv/no.pub", "no key\n");
    struct Case {
        std::string lines, why, said;  // by the seed, and in the VM's status
    };
    for (const auto &[lines, why, said] :
         {Case{"SSHKey=/srv/no.pub\n", "/srv/no.pub:1: not a public key of SSH",
               "SSHKey=/srv/no.pub: /srv/no.pub:1: not a public key of SSH."},
          Case{"SSHKey=/srv/missing.pub\n", "/srv/missing.pub: No such file or directory",
               "SSHKey=/srv/missing.pub: no such file"},
          Case{"UserData=/srv\n", "/srv is neither a file nor a block device",
               "UserData=/srv: not a file."}}) {
        VmUnderTest vm("unseeded", boot_sector_ini() + "[CloudInit]\n" + lines);
        EXPECT_FALSE(vm.start().ok());
        // It has begun; this waits for it.
        run({"systemctl", "start", "qemu-failure@unseeded.service"});
        expect_contains(vm.status().output, said);
        expect_contains(run({"journalctl", "-u", "qemu-credential@unseeded", "-o", "cat"}).output,
                        why);
        run({"systemctl", "reset-failed", "qemu-credential@unseeded.service"});
    }
    std::filesystem::remove("/srv/no.pub");
}

}  // namespace
}  // namespace qemunit::e2e
