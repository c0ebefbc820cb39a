// SPDX-License-Identifier: MIT
//
// What one VM's sandbox lets in beyond drives and kernels, which render_test.cpp has.
#include "generator/units/sandbox.h"

#include <gtest/gtest.h>

#include "tests/unit/generator/from_ini.h"

namespace qemunit::generator {
namespace {

using testing::Texts;

std::string settings(const std::string &ini) {
    const auto [vm, said] = testing::from_ini(ini);
    EXPECT_EQ(said, Texts{}) << ini;
    return sandbox_settings(vm, Namespaces::available);
}

TEST(SandboxTest, ThePlainVmSeesNothingMore) {
    EXPECT_EQ(settings(""), "");
    EXPECT_EQ(settings("[Network n]\nType=none\n[Channel c]\n[Credential d]\nText=x\n"), "");
}

const std::string kHiddenSrv = "TemporaryFileSystem=/srv:noexec,nosuid,nodev,mode=0755\n";

// The root folder, where mount points are made, is that of all VMs.
TEST(SandboxTest, NamesAreHiddenFromOtherVms) {
    EXPECT_EQ(settings("[Share s]\nPath=/srv/a b\n[Share t]\nPath=/srv/c/d\n"),
              "BindPaths=\"-/srv/a b\"\n" + kHiddenSrv + "BindPaths=-/srv/c/d\n");
    EXPECT_EQ(settings("[Share s]\nPath=/var/a\n"), "BindPaths=-/var/a\n");
}

// QEMU gets it open. A device also has to be allowed, for who opens it.
TEST(SandboxTest, AnImageIsNoMount) {
    EXPECT_EQ(settings("[Drive a]\nFile=/srv/a b\n"), "");
    EXPECT_EQ(settings("[Drive a]\nFile=/home/joe/a\n[Drive b]\nFile=/root/b\n"), "");
    EXPECT_EQ(settings("[Drive a]\nFile=a.qcow2\nBackingFile=/srv/base.img\n"), "");
    EXPECT_EQ(settings("[Drive a]\nFile=a.qcow2\nBackingFile=/dev/vg/base\n"),
              "DeviceAllow=/dev/vg/base r\n");
    EXPECT_EQ(settings("[Drive a]\nFile=/dev/vg/disk\n"), "DeviceAllow=/dev/vg/disk rw\n");
    EXPECT_EQ(settings("[Drive a]\nFile=a.qcow2\nBackingFile=base.img\n"), "");
}

TEST(SandboxTest, FoldersThatQemuServes) {
    const auto share = [](const std::string &keys) {
        return settings("[Share s]\nPath=/srv/a:b\n" + keys);
    };
    EXPECT_EQ(share(""), "BindPaths=\"-/srv/a\\:b\"\n" + kHiddenSrv);
    EXPECT_EQ(share("ReadOnly=yes\n"), "BindReadOnlyPaths=\"-/srv/a\\:b\"\n" + kHiddenSrv);
    EXPECT_EQ(share("Type=vfat\n"), "BindReadOnlyPaths=\"-/srv/a\\:b\"\n" + kHiddenSrv);
}

TEST(SandboxTest, OtherVmsSettingsAndSocketsAreInNoFolder) {
    const auto share = [](const std::string &path) {
        return settings("[Share s]\nReadOnly=yes\nPath=" + path + "\n");
    };
    EXPECT_EQ(share("/etc"), "BindReadOnlyPaths=-/etc\nInaccessiblePaths=-+/etc/qemunit\n");
    EXPECT_EQ(share("/run"), "BindReadOnlyPaths=-/run\nInaccessiblePaths=-+/run/qemunit\n");
    EXPECT_EQ(share("/etc/qemunit/files"),
              "BindReadOnlyPaths=-/etc/qemunit/files\n"
              "TemporaryFileSystem=/etc:noexec,nosuid,nodev,mode=0755\n");
    EXPECT_EQ(share("/etcetera"), "BindReadOnlyPaths=-/etcetera\n");
}

// systemd would make it read-only for both.
TEST(SandboxTest, WhatOneWritesIsWritableForAll) {
    const std::string share = "Path=/srv/a\n";
    for (const std::string &ini : {"[Share s]\n" + share + "[Share t]\nReadOnly=yes\n" + share,
                                   "[Share s]\nReadOnly=yes\n" + share + "[Share t]\n" + share})
        EXPECT_EQ(settings(ini), "BindPaths=-/srv/a\n" + kHiddenSrv);
}

TEST(SandboxTest, AFolderOfVirtiofsdIsNotQemus) {
    EXPECT_EQ(settings("[Share s]\nPath=/srv/a\nType=virtiofs\n"),
              "BindReadOnlyPaths=\"-/run/qemunit-fs/vm1\\:s\"\n");
}

TEST(SandboxTest, SocketsOfTheOtherPrograms) {
    EXPECT_EQ(settings("[VM]\nTPM=yes\n[Network n]\nType=passt\n"),
              "BindReadOnlyPaths=-/run/qemunit-tpm/vm1\n"
              "BindReadOnlyPaths=\"-/run/qemunit-passt/vm1\\:n\"\n");
}

TEST(SandboxTest, IoUringIsForDrivesThatAskForIt) {
    EXPECT_EQ(settings("[Drive a]\nFile=a.img\nAIO=native\nCache=none\n"), "");
    EXPECT_EQ(settings("[Drive a]\nFile=a.img\nAIO=threads\n[Drive b]\nFile=b.img\nAIO=io_uring\n"),
              "# AIO=io_uring; see qemunit.ini(5) for what that costs.\n"
              "SystemCallFilter=io_uring_setup io_uring_enter io_uring_register\n");
}

// QEMU's user has to get through it, which tmpfs alone does not say.
TEST(SandboxTest, FilesInTheHomeOfRootAreBelowAFolderForAll) {
    EXPECT_TRUE(settings("[Boot]\nKernel=/root/vm/a.img\n")
                    .ends_with("\nProtectHome=tmpfs\nTemporaryFileSystem=/root:ro,noexec,nosuid,"
                               "nodev,mode=0755\n"));
    EXPECT_EQ(settings("[Boot]\nKernel=/rooted/a.img\n").find("/root:"), std::string::npos);
}

// ProtectHome=yes would win over BindPaths= of the same path, and of those below.
TEST(SandboxTest, HomesAreEmptyOnlyWhereTheyHideWhatIsShared) {
    for (const char *path : {"/home", "/home/joe", "/root", "/run/user/1000/vm"})
        EXPECT_TRUE(settings("[Share s]\nReadOnly=yes\nPath=" + std::string(path) + "\n")
                        .ends_with("\nProtectHome=tmpfs\n"))
            << path;
    for (const char *path : {"/homes/joe", "/srv/home", "/run/users"})
        EXPECT_EQ(settings("[Share s]\nPath=" + std::string(path) + "\n").find("ProtectHome"),
                  std::string::npos)
            << path;
}

// qemunit-open opens it, outside of QEMU's network.
TEST(SandboxTest, ATapInterfaceIsADeviceForWhoOpensIt) {
    const std::string tun = "DeviceAllow=/dev/net/tun rw\n";
    EXPECT_EQ(settings("[Network n]\nType=tap\n"), tun);
    EXPECT_EQ(settings("[Network n]\nType=bridge\nBridge=br0\n[Network o]\nType=tap\n"), tun);
}

TEST(OpenedPathsTest, WhatQemuOpensWithItsOwnRights) {
    Vm vm =
        testing::from_ini(
            "[Boot]\nKernel=/k\nInitrd=i\n[Drive a]\nFile=/a\n[Drive b]\nFile=/b\nReadOnly=yes\n"
            "[Drive c]\nMedia=cdrom\n[Share s]\nPath=/s\n")
            .vm;
    vm.uefi = {"/fw/CODE.fd", "raw", "/fw/VARS.fd", "raw"};
    Texts found;
    for (const OpenedPath &opened : opened_paths(vm))
        found.push_back((opened.write ? "writes " : "reads ") + opened.path);
    EXPECT_EQ(found, (Texts{"reads /k", "reads /var/lib/qemunit/vm1/i", "reads /fw/CODE.fd",
                            "reads /fw/VARS.fd"}));
}

}  // namespace
}  // namespace qemunit::generator
