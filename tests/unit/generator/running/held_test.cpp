// SPDX-License-Identifier: MIT
//
// What a running VM keeps of the units that it was started with.
#include "generator/running/held.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "tests/unit/generator/from_ini.h"

namespace qemunit::generator {
namespace {

using testing::Texts;

Output output_of_ini(const std::string &ini) {
    const auto [vm, said] = testing::from_ini(ini);
    EXPECT_EQ(said, Texts{}) << ini;
    return render(vm, Architecture::x86_64);
}

std::string held_file(const Output &output, const std::string &path) {
    std::string found;
    int times = 0;
    for (const OutputFile &f : output.files)
        if (f.path == path) {
            found = f.content;
            ++times;
        }
    EXPECT_LE(times, 1) << path;
    return found;
}

std::string amendment(const Output &output, const std::string &unit) {
    return held_file(output, unit + ".d/60-qemunit-running.conf");
}

Texts links(const Output &output) {
    Texts paths;
    for (const OutputLink &link : output.links)
        paths.push_back(link.path);
    return paths;
}

Output held(const std::string &started, const std::string &now,
            Sockets sockets = Sockets::of_the_vm) {
    return hold("vm1", Paths(), output_of_ini(started), output_of_ini(now), sockets);
}

const std::string kNever = "\n[Unit]\nConditionPathExists=!/\n";

TEST(HeldTest, OtherSettingsAloneNeedNothing) {
    const Output output = held("[VM]\nMemory=1G\n", "[VM]\nMemory=2G\n");
    ASSERT_EQ(output.files.size(), 1u);
    EXPECT_NE(output.files[0].content.find("-m 2048M"), std::string::npos);
    EXPECT_TRUE(output.links.empty());
}

TEST(HeldTest, WhatTheIniHasNoMoreIsWantedButNotStartedAgain) {
    const Output output = held(
        "[VM]\nTPM=yes\n[Network lan]\nType=bridge\nBridge=br0\n[Network p]\nType=passt\n"
        "[Share s]\nType=virtiofs\nPath=/s\n",
        "[Network p]\nType=passt\nHostForward=tcp::1025-:2\n");
    const std::string vm = "qemu@vm1.service.wants/";
    EXPECT_EQ(links(output),
              (Texts{vm + "qemu-passt@vm1:p.service", vm + "qemu-tpm@vm1.service",
                     vm + "qemu-tap@vm1-lan.service", vm + "qemu-virtiofs@vm1:s.socket",
                     "qemu-tap@vm1-lan.service.wants/qemu-bridge@br0.service"}));
    EXPECT_TRUE(amendment(output, "qemu@vm1.service")
                    .contains("\n[Unit]\nAfter=qemu-tpm@vm1.service\n"
                              "After=qemu-tap@vm1-lan.service\nAfter=qemu-virtiofs@vm1:s.socket\n"))
        << amendment(output, "qemu@vm1.service");
    for (const char *unit :
         {"qemu-tpm@vm1.service", "qemu-tap@vm1-lan.service", "qemu-virtiofs@vm1:s.socket"})
        EXPECT_TRUE(amendment(output, unit).ends_with(kNever)) << unit;
    EXPECT_EQ(amendment(output, "qemu-passt@vm1:p.service"), "");
    EXPECT_EQ(amendment(output, "qemu-bridge@br0.service"), "");
    const std::string tap = held_file(output, "qemu-tap@vm1-lan.service.d/50-qemunit.conf");
    EXPECT_TRUE(tap.contains("\nPartOf=qemu@vm1.service\n\n[Service]\n")) << tap;
    EXPECT_NE(held_file(output, "qemu-virtiofs@vm1:s.service.d/50-qemunit.conf"), "");
    EXPECT_NE(held_file(output, "qemu-passt@vm1:p.service.d/50-qemunit.conf").find("1025:2"),
              std::string::npos);
}

TEST(HeldTest, ABridgeThatItsTapHasLeftIsWanted) {
    const Output output = held("[Network lan]\nType=bridge\nBridge=br0\n",
                               "[Network lan]\nType=bridge\nBridge=br1\n");
    EXPECT_EQ(links(output), (Texts{"qemu@vm1.service.wants/qemu-tap@vm1-lan.service",
                                    "qemu-tap@vm1-lan.service.wants/qemu-bridge@br1.service",
                                    "qemu-tap@vm1-lan.service.wants/qemu-bridge@br0.service"}));
    EXPECT_EQ(amendment(output, "qemu-tap@vm1-lan.service"), "");
}

// systemd would remove the other ones' paths at the end, and this one never.
TEST(HeldTest, SocketsAndTheWayToTheHost) {
    const std::string started = "[Serial a]\n[Serial b]\n[Service]\nIPAddressDeny=\n",
                      now = "[Serial b]\n";
    const Output output = held(started, now);
    const std::string removes = "\n[Socket]\nExecStopPost=-/bin/rm -f /run/qemunit/vm1/a.sock\n";
    const std::string part = "\n[Unit]\nPartOf=qemu@vm1.service\n";
    EXPECT_TRUE(amendment(output, "qemu-serial@vm1.socket").ends_with(part + removes));
    const std::string on_demand =
        amendment(held(started, now, Sockets::on_demand), "qemu-serial@vm1.socket");
    EXPECT_TRUE(on_demand.ends_with(removes) && !on_demand.contains("PartOf=")) << on_demand;
    // A new one is there when the VM starts anew.
    EXPECT_TRUE(amendment(held(now, started), "qemu-serial@vm1.socket").ends_with(part));
    EXPECT_TRUE(amendment(output, "qemu@vm1.service").ends_with("\n[Service]\nIPAddressDeny=\n"));
    EXPECT_EQ(amendment(output, "qemu-monitor@vm1.socket"), "");
}

// systemd would count a new one from the start of the VM, which might be over at once.
TEST(HeldTest, TheTimeLimitIsThatOfTheStart) {
    const std::string none = "[VM]\n", hour = "[VM]\nTimeout=1h\n", minute = "[VM]\nTimeout=1min\n";
    const auto limit = [](const std::string &started, const std::string &now) {
        return amendment(held(started, now), "qemu@vm1.service");
    };
    EXPECT_TRUE(limit(hour, minute).ends_with("\n[Service]\nRuntimeMaxSec=1h\n"))
        << limit(hour, minute);
    EXPECT_TRUE(limit(hour, none).ends_with("\n[Service]\nRuntimeMaxSec=1h\n"));
    EXPECT_TRUE(limit(none, minute).ends_with("\n[Service]\nRuntimeMaxSec=infinity\n"));
    EXPECT_EQ(limit(hour, hour + "Memory=1G\n"), "");
}

TEST(HeldTest, WithoutAnIniItRunsOnAndSaysWhyItDoesNotStart) {
    const Output started = output_of_ini(
        "[VM]\nTPM=yes\nActivation=socket\nRegister=yes\nTimeout=1h\n[Serial a]\n"
        "[Drive d]\nFile=d.img\nSize=1M\n[Install]\nWantedBy=machines.target\n");
    for (const NoUnits why : {NoUnits::is_gone, NoUnits::has_error}) {
        const Output output = hold("vm1", Paths(), started, why);
        const std::string service = "qemu@vm1.service.d/50-qemunit.conf";
        EXPECT_EQ(held_file(output, service), held_file(started, service));
        const std::string lines = amendment(output, "qemu@vm1.service");
        EXPECT_EQ(lines.find("SourcePath=\n") != std::string::npos, why == NoUnits::is_gone);
        EXPECT_TRUE(lines.contains("\n[Service]\nLoadCredential=\n")) << lines;
        EXPECT_TRUE(lines.ends_with("\nExecStart=\nExecStart=+" + std::string(kGeneratorPath) +
                                    " --explain vm1\n"))
            << lines;
        EXPECT_EQ(links(output), (Texts{"qemu@vm1.service.wants/qemu-tpm@vm1.service",
                                        "qemu@vm1.service.wants/qemu-instance@vm1.socket"}));
        EXPECT_TRUE(amendment(output, "qemu-tpm@vm1.service").ends_with(kNever));
        EXPECT_NE(held_file(output, "qemu-serial@vm1.socket.d/50-qemunit.conf"), "");
        EXPECT_EQ(held_file(output, "qemu-image@vm1.service.d/50-qemunit.conf"), "");
    }
}

TEST(HeldTest, OfAUserTheSandboxStays) {
    const auto [vm, said] = testing::from_ini_of_joe("[VM]\nTPM=yes\n");
    const Output output =
        hold("vm1", vm.paths, render(vm, Architecture::x86_64), NoUnits::has_error);
    EXPECT_EQ(links(output), (Texts{"qemu@vm1.service.d/40-qemunit-sandbox.conf",
                                    "qemu@vm1.service.wants/qemu-tpm@vm1.service"}));
    const std::string lines = amendment(output, "qemu@vm1.service");
    EXPECT_TRUE(lines.contains("\nBindReadOnlyPaths=\n") && lines.contains("\nRootDirectory=\n"))
        << lines;
    EXPECT_TRUE(
        lines.ends_with("\nExecStart=" + std::string(kGeneratorPath) + " --user --explain vm1\n"))
        << lines;
}

}  // namespace
}  // namespace qemunit::generator
