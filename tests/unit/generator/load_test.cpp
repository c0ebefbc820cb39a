// SPDX-License-Identifier: MIT
//
// Real files -> a VM, and what is said about files that are none.
#include "generator/load.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/generator/from_ini.h"
#include "tests/unit/temporary_folder.h"

namespace qemunit::generator {
namespace {

using testing::Texts;

class LoadTest : public ::testing::Test {
  protected:
    std::optional<Vm> load(const std::string &path, const Texts &drop_ins = {}) {
        Diagnostics diagnostics;
        FirmwareCatalog firmware(root.path());
        auto vm = load_vm({"vm1", path, drop_ins}, root.path(), Paths(), Architecture::x86_64, {},
                          firmware, diagnostics);
        said.clear();
        for (std::string &text : testing::texts(diagnostics)) {
            if (const auto at = text.find(root.path()); at != text.npos)
                text.erase(at, root.path().size());
            said.push_back(text);
        }
        return vm;
    }

    testing::TemporaryFolder root;
    Texts said;
};

TEST_F(LoadTest, AFileWithItsDropIns) {
    const auto vm =
        load(root.write("etc/vm1.ini", "[VM]\nCPUs=2\nMemory=2G\n"),
             {root.write("10.conf", "[VM]\nCPUs=3\n"), root.write("20.conf", "[VM]\nCPUs=4\n")});
    ASSERT_TRUE(vm);
    EXPECT_EQ(said, Texts{});
    EXPECT_EQ(vm->name, "vm1");
    EXPECT_EQ(vm->cpus->count, 4u);
    EXPECT_EQ(vm->memory->bytes, uint64_t{2} << 30);
    EXPECT_EQ(vm->source_path, "/etc/vm1.ini");
}

TEST_F(LoadTest, AMaskedVmIsNoneAndNoError) {
    const Texts broken = {root.write("10.conf", "x")};
    EXPECT_FALSE(load(root.write("empty.ini", ""), broken));
    EXPECT_EQ(said, Texts{});
    EXPECT_FALSE(load("/dev/null", broken));
    EXPECT_EQ(said, Texts{});
    EXPECT_FALSE(load("/dev/zero"));
    EXPECT_EQ(said, Texts{"error: /dev/zero: Not a regular file."});
}

TEST_F(LoadTest, AnUnreadableFileIsAnErrorAlsoWithAMaskedDropIn) {
    EXPECT_FALSE(load(root / "gone.ini", {root.write("10.conf", "")}));
    EXPECT_EQ(said, Texts{"error: /gone.ini: Cannot read the file: No such file or directory."});
}

TEST_F(LoadTest, AWarningLeavesTheVm) {
    EXPECT_TRUE(load(root.write("vm1.ini", "[VM]\nNonsense=1\n")));
    EXPECT_EQ(said,
              Texts{"warning: /vm1.ini:2: Unknown key 'Nonsense' in section [VM], ignoring."});
}

TEST_F(LoadTest, AnErrorDoesNot) {
    EXPECT_FALSE(load(root.write("vm1.ini", "[VM]\nMemory=1\n")));
    EXPECT_EQ(said.size(), 1u);
    EXPECT_FALSE(load(root.write("vm1.ini", "[VM]\n"), {root.write("10.conf", "x")}));
    EXPECT_EQ(said, Texts{"error: /10.conf:1: Missing '=' in 'x'."});
}

TEST_F(LoadTest, WhatIsSaidIsSortedAsOneReadsTheFiles) {
    load(root.write("vm1.ini", "[Boot]\nAppend=a\n[VM]\nNonsense=1\nx\n"),
         {root.write("20.conf", "[VM]\nCPUs=x\n"), root.write("10.conf", "[Drive d]\n")});
    EXPECT_EQ(
        said,
        (Texts{"error: /vm1.ini:2: Append= needs Kernel=: only QEMU's own loader hands it over.",
               "warning: /vm1.ini:4: Unknown key 'Nonsense' in section [VM], ignoring.",
               "error: /vm1.ini:5: Missing '=' in 'x'.",
               "error: /20.conf:2: CPUs=x: not a number of CPUs from 1 to 1024.",
               "error: /10.conf:1: Section [Drive d] has no File=: which image is it?"}));
}

TEST_F(LoadTest, AMissingFileIsTheOnlyError) {
    EXPECT_FALSE(load(root / "vm1.ini", {root.write("10.conf", "[Boot]\nAppend=a\n")}));
    EXPECT_EQ(said, Texts{"error: /vm1.ini: Cannot read the file: No such file or directory."});
}

TEST_F(LoadTest, SyntaxIsCheckedBesideAMissingFile) {
    EXPECT_FALSE(load(root.write("vm1.ini", "x\n"), {root / "10.conf"}));
    EXPECT_EQ(said, (Texts{"error: /vm1.ini:1: Missing '=' in 'x'.",
                           "error: /10.conf: Cannot read the file: No such file or directory."}));
}

TEST_F(LoadTest, ALinkThatLeadsNowhere) {
    EXPECT_FALSE(load(root.link("vm1.ini", "/home/gone/vm1.ini")));
    EXPECT_EQ(said, Texts{"error: /vm1.ini: Cannot read the file: it is a link to "
                          "/home/gone/vm1.ini: No such file or directory."});
    EXPECT_FALSE(load(root.link("loop.ini", "loop.ini")));
    EXPECT_EQ(said, Texts{"error: /loop.ini: Cannot read the file: it is a link to loop.ini: Too "
                          "many levels of symbolic links."});
}

TEST_F(LoadTest, AFolder) {
    EXPECT_FALSE(load(root.make_folder("vm1.ini")));
    EXPECT_EQ(said, Texts{"error: /vm1.ini: Not a regular file."});
}

// PID 1 waits for the generator: it must not wait for whoever writes into a fifo.
TEST_F(LoadTest, AFifoIsRefusedAtOnce) {
    ASSERT_EQ(mkfifo((root / "vm1.ini").c_str(), 0600), 0);
    EXPECT_FALSE(load(root / "vm1.ini"));
    EXPECT_EQ(said, Texts{"error: /vm1.ini: Not a regular file."});
}

TEST_F(LoadTest, ADevice) {
    EXPECT_FALSE(load("/dev/zero"));
    EXPECT_EQ(said, Texts{"error: /dev/zero: Not a regular file."});
}

TEST_F(LoadTest, WhatIsNotOursToRead) {
    const std::string path = root.write("vm1.ini", "[VM]\n");
    ASSERT_EQ(chmod(path.c_str(), 0), 0);
    const uid_t user = geteuid();
    ASSERT_EQ(seteuid(user == 0 ? 65534 : user), 0);  // root reads everything
    EXPECT_FALSE(load(path));
    ASSERT_EQ(seteuid(user), 0);
    EXPECT_EQ(said, Texts{"error: /vm1.ini: Cannot read the file: Permission denied."});
}

TEST_F(LoadTest, AFileHasAtMostAMebibyte) {
    std::string text = "[VM]\n#";
    text.resize((1 << 20) - 1, '-');
    EXPECT_TRUE(load(root.write("vm1.ini", text + "\n")));
    EXPECT_EQ(said, Texts{});
    EXPECT_FALSE(load(root.write("vm1.ini", text + "\n\n")));
    EXPECT_EQ(said, Texts{"error: /vm1.ini: Larger than 1048576 bytes; this is no ini file."});
}

TEST_F(LoadTest, AWordIsNoLongerThanTheKernelTakes) {
    const auto with_append = [&](std::size_t size) {
        return load(
            root.write("vm1.ini", "[Boot]\nKernel=/k\nAppend=" + std::string(size, 'x') + "\n"));
    };
    EXPECT_TRUE(with_append(131071));
    EXPECT_EQ(said, Texts{});
    EXPECT_FALSE(with_append(131072));
    EXPECT_EQ(said, Texts{"error: /vm1.ini: The word '" + std::string(60, 'x') +
                          "…' of QEMU's command line would have 131072 bytes; the kernel takes "
                          "131071."});
    EXPECT_FALSE(load(root.write("vm1.ini", "[VM]\nArguments=" + std::string(100'000, 'a') +
                                                "\nArguments=" + std::string(100'000, 'b') +
                                                "\nArguments=" + std::string(100'000, 'c'))));
    ASSERT_EQ(said.size(), 1u);
    EXPECT_TRUE(said[0].starts_with("error: /vm1.ini: QEMU's command line would have 300"))
        << said[0];
    EXPECT_TRUE(said[0].ends_with(" bytes; 262144 are the most.")) << said[0];
}

TEST_F(LoadTest, FirmwareOfThisMachine) {
    const std::string ini = root.write("vm1.ini", "[VM]\nFirmware=uefi\n");
    EXPECT_FALSE(load(ini));
    EXPECT_EQ(said,
              Texts{"error: /vm1.ini:2: Firmware=uefi: this machine has no such firmware for the "
                    "machine 'q35' of x86_64; install the package that has it, on Debian ovmf."});
    root.write("etc/qemu/firmware/60.json", R"({"interface-types": ["uefi"], "features": [],
        "mapping": {"device": "flash", "executable": {"filename": "/c.fd", "format": "raw"},
                    "nvram-template": {"filename": "/v.fd", "format": "raw"}},
        "targets": [{"architecture": "x86_64", "machines": ["pc-q35-*"]}]})");
    const auto vm = load(ini);
    ASSERT_TRUE(vm && vm->uefi);
    EXPECT_EQ(vm->uefi->code, "/c.fd");
    EXPECT_EQ(said, Texts{});
    EXPECT_FALSE(load(root.write("vm1.ini", "[VM]\nFirmware=uefi-secure\n")));
    EXPECT_EQ(said.size(), 1u);
}

TEST_F(LoadTest, ABiosNeedsNone) {
    const auto vm = load(root.write("vm1.ini", "[VM]\nFirmware=bios\n"));
    ASSERT_TRUE(vm);
    EXPECT_FALSE(vm->uefi);
}

TEST_F(LoadTest, WithoutARootThePathStaysAsItIs) {
    const std::string path = root.write("etc/vm1.ini", "[VM]\n");
    Diagnostics diagnostics;
    FirmwareCatalog firmware("");
    const auto vm =
        load_vm({"vm1", path, {}}, "", Paths(), Architecture::x86_64, {}, firmware, diagnostics);
    ASSERT_TRUE(vm);
    EXPECT_EQ(vm->source_path, path);
}

}  // namespace
}  // namespace qemunit::generator
