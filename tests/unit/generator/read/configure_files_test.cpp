// SPDX-License-Identifier: MIT
//
// Several ini texts -> one VM: a file and its drop-ins.
#include <gtest/gtest.h>

#include "tests/unit/generator/from_ini.h"

namespace qemunit::generator {
namespace {

using testing::from_files;
using testing::Texts;

TEST(ConfigureTest, ADropInOverridesTheFile) {
    auto [vm, said] =
        from_files({{"vm1.ini", "[VM]\nCPUs=2\nMemory=1G\n[Boot]\nKernel=/k\nAppend=a\n"},
                    {"10.conf", "[VM]\nCPUs=4\n[Boot]\nAppend=b\n"},
                    {"20.conf", "[VM]\nMemory=\n"}});
    EXPECT_EQ(said, Texts{});
    EXPECT_EQ(vm.cpus->count, 4u);
    EXPECT_FALSE(vm.memory);
    EXPECT_EQ(vm.boot.append, (Texts{"a", "b"}));
    EXPECT_EQ(vm.source_path, "vm1.ini");
}

TEST(ConfigureTest, ASectionDoesNotReachIntoTheNextFile) {
    auto [vm, said] = from_files({{"vm1.ini", "[VM]\nCPUs=2\n"}, {"10.conf", "CPUs=4\n"}});
    EXPECT_EQ(said, Texts{"error: 10.conf:1: 'CPUs=' stands before any section header."});
    EXPECT_EQ(vm.cpus->count, 2u);
}

TEST(ConfigureTest, DevicesOfOneNameAreOneOverAllFiles) {
    auto [vm, said] = from_files({{"vm1.ini", "[Drive root]\nFile=/a\n[Drive data]\nFile=/b\n"},
                                  {"10.conf", "[Drive root]\nReadOnly=yes\n[Network lan]\n"},
                                  {"20.conf", "[Drive  \t root ]\nInterface=usb\n"}});
    EXPECT_EQ(said, Texts{});
    ASSERT_EQ(vm.drives.size(), 2u);
    EXPECT_EQ(vm.drives[0].name, "root");
    EXPECT_EQ(vm.drives[0].file->text, "/a");
    EXPECT_TRUE(vm.drives[0].read_only);
    EXPECT_EQ(vm.drives[0].interface, DriveInterface::usb);
    EXPECT_FALSE(vm.drives[1].read_only);
    EXPECT_EQ(vm.networks.size(), 1u);
}

TEST(ConfigureTest, AnErrorNamesTheFileAndLineThatSetTheKeyLast) {
    EXPECT_EQ(
        from_files({{"vm1.ini", "[Boot]\nAppend=a\n"}, {"10.conf", "\n[Boot]\nAppend=b\n"}}).said,
        Texts{"error: 10.conf:3: Append= needs Kernel=: only QEMU's own loader hands it over."});
    EXPECT_EQ(
        from_files({{"vm1.ini", "\n[Drive a]\n"}, {"10.conf", "[Drive a]\nReadOnly=yes\n"}}).said,
        Texts{"error: vm1.ini:2: Section [Drive a] has no File=: which image is it?"});
}

TEST(ConfigureTest, EveryErrorOfAllFilesIsReported) {
    EXPECT_EQ(from_files({{"vm1.ini", "[VM]\nMemory=x\nCPUz=1\n[Boot]\nInitrd=/i\n"},
                          {"10.conf", "[Drive]\n[VM]\nCPUs=x\nbroken\n"}})
                  .said.size(),
              6u);
}

}  // namespace
}  // namespace qemunit::generator
