// SPDX-License-Identifier: MIT
//
// What `--check` says about the machine it runs on. A program that is installed here is
// complained about nowhere, so those tests ask for each only if it is missing.
#include "generator/check/host.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include "common/paths.h"
#include "tests/unit/generator/from_ini.h"
#include "tests/unit/temporary_folder.h"

namespace qemunit::generator {
namespace {

using testing::Texts;

class HostCheckTest : public ::testing::Test {
  protected:
    // About a VM that is emulated by a QEMU that is there.
    Texts said(const std::string &ini) {
        const auto made = testing::from_ini(
            "[VM]\nAccelerator=tcg\nQEMU=" + folder.write("qemu", "") + "\n" + ini);
        EXPECT_EQ(made.said, Texts{}) << ini;
        Diagnostics diagnostics;
        check_host(made.vm, Architecture::x86_64, diagnostics);
        return testing::texts(diagnostics);
    }
    // The same from line `line` of the text given.
    static Texts warning(unsigned line, const std::string &message) {
        return {"warning: vm1.ini:" + std::to_string(line + 3) + ": " + message};
    }
    std::string path(const std::string &name) const { return folder / name; }

    // What is missing of a program, as it is said.
    static Texts missing(unsigned line, const std::string &key, std::string_view program,
                         const std::string &package) {
        if (access(std::string(program).c_str(), F_OK) == 0)
            return {};
        return warning(line, key + "= needs " + std::string(program) +
                                 "; on Debian it is in the package " + package + ".");
    }

    testing::TemporaryFolder folder;
};

TEST_F(HostCheckTest, NothingIsMissing) {
    folder.write("disk.img", "");
    folder.write("vmlinuz", "");
    folder.make_folder("src");
    EXPECT_EQ(said("[Boot]\nKernel=" + path("vmlinuz") + "\n[Drive d]\nFile=" + path("disk.img") +
                   "\n[Share s]\nPath=" + path("src") + "\n"),
              Texts{});
}

TEST_F(HostCheckTest, AMissingQemu) {
    EXPECT_EQ(said("QEMU=/opt/none/qemu\n"),
              warning(1,
                      "/opt/none/qemu does not exist; is QEMU for this architecture "
                      "installed?"));
}

TEST_F(HostCheckTest, AMachineWithoutKvm) {
    const bool has_kvm = access("/dev/kvm", F_OK) == 0;
    EXPECT_EQ(said("Accelerator=kvm\n"),
              has_kvm ? Texts{}
                      : warning(1,
                                "Accelerator=kvm: this machine has no /dev/kvm; the VM will "
                                "not start."));
    EXPECT_EQ(said("Accelerator=auto\n"),
              has_kvm ? Texts{}
                      : warning(1,
                                "This machine has no /dev/kvm: the VM runs slowly, by "
                                "emulation."));
}

TEST_F(HostCheckTest, MissingFiles) {
    const auto no_file = [&](unsigned line, const std::string &key) {
        return warning(line, key + "=" + path("gone") + ": no such file: " + path("gone") + ".");
    };
    EXPECT_EQ(said("[Boot]\nKernel=" + path("gone") + "\n"), no_file(2, "Kernel"));
    EXPECT_EQ(said("[Boot]\nKernel=" + path("qemu") + "\nInitrd=" + path("gone") + "\n"),
              no_file(3, "Initrd"));
    EXPECT_EQ(said("[Drive d]\nFile=" + path("gone") + "\n"), no_file(2, "File"));
    EXPECT_EQ(said("[Drive d]\nMedia=cdrom\n"), Texts{});
    EXPECT_EQ(said("[Credential c]\nFile=" + path("gone") + "\n"), no_file(2, "File"));
}

TEST_F(HostCheckTest, ARelativePathIsShownInFull) {
    EXPECT_EQ(said("[Drive d]\nFile=gone.img\n"),
              warning(2, "File=gone.img: no such file: /var/lib/qemunit/vm1/gone.img."));
}

TEST_F(HostCheckTest, AnImageThatIsMadeNeedsItsFolderOnly) {
    if (access("/usr/bin/qemu-img", F_OK) != 0)
        GTEST_SKIP() << "qemu-img is not installed here";
    EXPECT_EQ(said("[Drive d]\nFile=" + path("new.img") + "\nSize=1G\n"), Texts{});
    EXPECT_EQ(said("[Drive d]\nFile=new.img\nSize=1G\n"), Texts{});
    EXPECT_EQ(said("[Drive d]\nFile=" + path("gone/new.img") + "\nSize=1G\n"),
              warning(2, "File=" + path("gone/new.img") +
                             ": no such folder to make the image "
                             "in: " +
                             path("gone") + "."));
    EXPECT_EQ(said("[Drive d]\nFile=" + path("new.qcow2") + "\nBackingFile=" + path("gone") + "\n"),
              warning(3, "BackingFile=" + path("gone") + ": no such file: " + path("gone") + "."));
}

TEST_F(HostCheckTest, AMissingFolder) {
    EXPECT_EQ(said("[Share s]\nPath=" + path("gone") + "\n"),
              warning(2, "Path=" + path("gone") + ": no such folder."));
    EXPECT_EQ(said("[Share s]\nPath=" + path("qemu") + "\n"),
              warning(2, "Path=" + path("qemu") + ": no such folder."));
}

TEST_F(HostCheckTest, MissingPrograms) {
    EXPECT_EQ(said("TPM=yes\n"), missing(1, "TPM", "/usr/bin/swtpm", "swtpm"));
    EXPECT_EQ(said("[Network n]\nType=passt\n"), missing(2, "Type", kPasstPath, "passt"));
    EXPECT_EQ(said("[Share s]\nPath=/tmp\nType=virtiofs\n"),
              missing(3, "Type", kVirtiofsdPath, "virtiofsd"));
    EXPECT_EQ(said("[Drive d]\nFile=a.img\nSize=1G\n"),
              missing(3, "Size", "/usr/bin/qemu-img", "qemu-utils"));
}

TEST_F(HostCheckTest, VsockNeedsItsModule) {
    EXPECT_EQ(said("VSockCID=42\n"),
              access("/dev/vhost-vsock", F_OK) == 0
                  ? Texts{}
                  : warning(1,
                            "This machine has no /dev/vhost-vsock: the VM will not start. Is "
                            "the kernel's module vhost_vsock loaded?"));
}

TEST_F(HostCheckTest, AKernelWithoutAConsole) {
    const std::string boot = "[Boot]\nKernel=" + path("qemu") + "\n";
    EXPECT_EQ(said(boot + "Append=quiet\nAppend=root=/dev/vda\n"),
              warning(4,
                      "Append= names no console: Linux then prints nothing on the serial port. "
                      "Add console=ttyS0."));
    EXPECT_EQ(said(boot + "Append=quiet\n[Serial serial]\nType=virtio\n"),
              warning(3,
                      "Append= names no console: Linux then prints nothing on the serial port. "
                      "Add console=hvc0."));
    EXPECT_EQ(said(boot + "Append=quiet\nAppend=console=tty0\n"), Texts{});
    EXPECT_EQ(said(boot), Texts{});
}

TEST_F(HostCheckTest, AGuestThatRebootsInsteadOfReportingItsPanic) {
    const auto boot = [&](const std::string &append) {
        return "OnPanic=fail\n[Boot]\nKernel=" + path("qemu") +
               "\nAppend=console=ttyS0\nAppend=" + append + "\n";
    };
    EXPECT_EQ(said(boot("quiet panic=-1")),
              warning(5,
                      "panic=-1: before the guest has loaded its driver for OnPanic=fail "
                      "(pvpanic-pci), a panic reboots it, and nobody else is told. Have that "
                      "driver in the initrd, see qemunit.ini(5)."));
    EXPECT_EQ(said(boot("panic=0")), Texts{});
    EXPECT_EQ(said(boot("oops=panic dont_panic=1")), Texts{});
    EXPECT_EQ(said("[Boot]\nKernel=" + path("qemu") + "\nAppend=console=ttyS0 panic=-1\n"),
              Texts{});
}

}  // namespace
}  // namespace qemunit::generator
