// SPDX-License-Identifier: MIT
//
// Ini texts -> a VM: the sections that become lines of its units.
#include <gtest/gtest.h>

#include "tests/unit/generator/from_ini.h"

namespace qemunit::generator {
namespace {

using testing::said;
using testing::Texts;
using testing::vm_of;

TEST(ConfigureTest, UnitAndServiceLinesPassThroughAsTheyAre) {
    const Vm vm = vm_of(
        "[Unit]\nAfter=a.service\nAfter=\nDescription=%i and \"more\"\n"
        "[Service]\nEnvironment=A=\"b c\" %h $X\nUnheardOf=1\nNice=\nExecStartPre=/bin/x \\\\\n");
    ASSERT_EQ(vm.unit_lines.size(), 3u);
    EXPECT_EQ(vm.unit_lines[1].value, "");
    EXPECT_EQ(vm.unit_lines[2].value, "%i and \"more\"");
    ASSERT_EQ(vm.service_lines.size(), 4u);
    EXPECT_EQ(vm.service_lines[0].value, "A=\"b c\" %h $X");
    EXPECT_EQ(vm.service_lines[1].key, "UnheardOf");
    EXPECT_EQ(vm.service_lines[3].value, "/bin/x \\\\");
}

TEST(ConfigureTest, ALineThatPassesThroughCannotSwallowTheNext) {
    EXPECT_EQ(
        said("[Service]\nEnvironment=A=b \\\nNice=5\n"),
        Texts{"error: vm1.ini:2: Environment= ends with a backslash: lines cannot be continued "
              "here, write the value in one line."});
    EXPECT_EQ(said("[Unit]\nAfter=\\\\\\\n").size(), 1u);
    EXPECT_EQ(said("[VM]\nDescription=ends with \\\n"),
              Texts{"error: vm1.ini:2: Description= must not end with a backslash."});
}

TEST(ConfigureTest, InstallBecomesLinksOnce) {
    const Vm vm = vm_of(
        "[Install]\nWantedBy=a.target  b@c.service\nWantedBy=a.target\n"
        "RequiredBy=dev-sda.device\n");
    EXPECT_EQ(vm.wanted_by, (Texts{"a.target", "b@c.service"}));
    EXPECT_EQ(vm.required_by, Texts{"dev-sda.device"});
}

TEST(ConfigureTest, InstallTakesNamesOfUnitsOnly) {
    for (std::string_view bad : {"machines", "a/b.target", "../x.service", ".target", "a.unit",
                                 "a.target.", "ä.target", "a,b.target", "a.target;", "%n.target"})
        EXPECT_EQ(said("[Install]\nWantedBy=" + std::string(bad) + "\n"),
                  Texts{"error: vm1.ini:2: WantedBy=" + std::string(bad) +
                        ": not the name of a unit, as in machines.target."});
    EXPECT_EQ(said("[Install]\nRequiredBy=" + std::string(250, 'a') + ".target\n").size(), 1u);
    EXPECT_EQ(said("[Install]\nWantedBy=a.target b c\n").size(), 2u);
}

TEST(ConfigureTest, OtherInstallKeysAreUnknown) {
    EXPECT_EQ(said("[Install]\nAlias=x.service\n"),
              Texts{"warning: vm1.ini:2: Unknown key 'Alias' in section [Install], ignoring."});
    EXPECT_EQ(
        said("[Install]\nWantBy=a.target\n"),
        Texts{"warning: vm1.ini:2: Unknown key 'WantBy' in section [Install], ignoring. Did you "
              "mean 'WantedBy'?"});
}

}  // namespace
}  // namespace qemunit::generator
