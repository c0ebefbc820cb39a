// SPDX-License-Identifier: MIT
//
// Ini texts -> a VM: what is said about sections, keys and values.
#include "generator/read/configure.h"

#include <gtest/gtest.h>

#include "tests/unit/generator/from_ini.h"

namespace qemunit::generator {
namespace {

using testing::from_ini;
using testing::said;
using testing::Texts;
using testing::vm_of;

TEST(ConfigureTest, AnUnknownKeyIsAWarningWithASuggestion) {
    auto [vm, said] = from_ini("[VM]\nMemroy=1G\nCPUs=2\n");
    EXPECT_EQ(said, Texts{"warning: vm1.ini:2: Unknown key 'Memroy' in section [VM], ignoring. Did "
                          "you mean 'Memory'?"});
    EXPECT_EQ(vm.cpus->count, 2u);
}

TEST(ConfigureTest, UnknownKeys) {
    EXPECT_EQ(said("[VM]\nmemory=1G\n"),
              Texts{"warning: vm1.ini:2: Unknown key 'memory' in section [VM], ignoring. Did you "
                    "mean 'Memory'?"});
    EXPECT_EQ(said("[VM]\nBananas=1\n"),
              Texts{"warning: vm1.ini:2: Unknown key 'Bananas' in section [VM], ignoring."});
    EXPECT_EQ(
        said("[Drive a]\nFile=/a\nfile=/b\n"),
        Texts{"warning: vm1.ini:3: Unknown key 'file' in section [Drive a], ignoring. Did you "
              "mean 'File'?"});
    // What it is called elsewhere.
    EXPECT_EQ(
        said("[VM]\nRAM=1G\n[Disk root]\nPath=/a\n"),
        (Texts{"warning: vm1.ini:2: Unknown key 'RAM' in section [VM], ignoring. Did you mean "
               "'Memory'?",
               "warning: vm1.ini:3: Unknown section 'Disk root', ignoring. Did you mean "
               "'Drive'?"}));
    // A key of another section, and one that only a later version has, are no suggestions.
    EXPECT_EQ(said("[Boot]\nMemory=1G\n"),
              Texts{"warning: vm1.ini:2: Unknown key 'Memory' in section [Boot], ignoring."});
    EXPECT_EQ(
        said("[VM]\nSotp=1\n"),
        Texts{"warning: vm1.ini:2: Unknown key 'Sotp' in section [VM], ignoring. Did you mean "
              "'Stop'?"});
}

TEST(ConfigureTest, AnUnknownSectionIsOneWarning) {
    EXPECT_EQ(said("[Vm]\nMemory=1G\nNonsense=1\n"),
              Texts{"warning: vm1.ini:1: Unknown section 'Vm', ignoring. Did you mean 'VM'?"});
    EXPECT_EQ(said("[Bananas root]\nFile=/a\n"),
              Texts{"warning: vm1.ini:1: Unknown section 'Bananas root', ignoring."});
    EXPECT_EQ(said("[Drives root]\n"),
              Texts{"warning: vm1.ini:1: Unknown section 'Drives root', ignoring. Did you mean "
                    "'Drive'?"});
    EXPECT_EQ(
        said("[" + std::string(100, 'x') + "]\n"),
        Texts{"warning: vm1.ini:1: Unknown section '" + std::string(60, 'x') + "…', ignoring."});
}

TEST(ConfigureTest, PrivateNamesAreIgnoredSilently) {
    EXPECT_EQ(said("[VM]\nX-Owner=joe\nX-=1\n[X-Mine]\nAnything=goes\n[X-a b]\nc=d\n"), Texts{});
    EXPECT_TRUE(vm_of("[Service]\nX-Note=1\n").service_lines.empty());
    EXPECT_EQ(said("[VM]\nXMemory=1\n").size(), 1u);
}

TEST(ConfigureTest, ABadValueIsAnErrorWithTheValue) {
    EXPECT_EQ(said("[VM]\nMemory=much\nCPUs=0\n"),
              (Texts{"error: vm1.ini:2: Memory=much: not a size; write 512M or 2G.",
                     "error: vm1.ini:3: CPUs=0: not a number of CPUs from 1 to 1024."}));
    EXPECT_EQ(said("[Drive a]\nFile=/a\nInterface=virtoi\n"),
              Texts{"error: vm1.ini:3: Interface=virtoi: not one of virtio, scsi, nvme, ide, sata, "
                    "usb, floppy, sd. Did you mean 'virtio'?"});
    EXPECT_EQ(said("[VM]\nArguments=\"x\n"),
              Texts{"error: vm1.ini:2: Arguments=\"x: the quote \" is not closed."});
    EXPECT_EQ(said("[VM]\nUUID=" + std::string(100, 'f') + "\n"),
              Texts{"error: vm1.ini:2: UUID=" + std::string(60, 'f') +
                    "…: not a UUID; `uuidgen` prints one."});
}

TEST(ConfigureTest, DeviceSectionsNeedAName) {
    EXPECT_EQ(said("[Drive]\nFile=/a\n"),
              Texts{"error: vm1.ini:1: Section [Drive] needs a name, as in [Drive root]."});
    EXPECT_EQ(said("[Network]\n"),
              Texts{"error: vm1.ini:1: Section [Network] needs a name, as in [Network lan]."});
    EXPECT_EQ(said("[Drive 1st]\n"),
              Texts{"error: vm1.ini:1: '1st' is not a device name: a letter, then letters, digits, "
                    "'_', '.' and '-', at most 31 in all."});
    EXPECT_EQ(said("[Drive a b]\n"),
              Texts{"error: vm1.ini:1: 'a b' is not a device name: a letter, then letters, digits, "
                    "'_', '.' and '-', at most 31 in all."});
    EXPECT_EQ(said("[Serial a,b]\n").size(), 1u);
    EXPECT_EQ(said("[Drive " + std::string(32, 'a') + "]\n").size(), 1u);
}

TEST(ConfigureTest, OtherSectionsTakeNone) {
    for (const char *section : {"VM", "Boot", "Monitor", "Unit", "Service", "Install"})
        EXPECT_EQ(said("[" + std::string(section) + " x]\nNonsense=1\n"),
                  Texts{"error: vm1.ini:1: Section [" + std::string(section) +
                        "] takes no name; write [" + section + "]."});
}

}  // namespace
}  // namespace qemunit::generator
