// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include <set>

#include "common/qemu_options/properties.h"
#include "common/qemu_options/table.h"

namespace qemunit {
namespace {

TEST(PropertiesTest, ReadsWhatQemuReads) {
    Properties properties =
        Properties::parse("virtio-blk-pci,drive=a,,b,readonly,nowait,x=,drive=c", "driver");
    EXPECT_EQ(properties.get("driver"), "virtio-blk-pci");
    EXPECT_EQ(properties.get("drive"), "c");
    EXPECT_EQ(properties.get("readonly"), "on");
    EXPECT_EQ(properties.get("wait"), "off");
    EXPECT_TRUE(properties.has("x"));
    EXPECT_EQ(properties.text("driver"),
              "virtio-blk-pci,drive=a,,b,readonly=on,wait=off,x=,drive=c");
    EXPECT_EQ(properties.take_all("drive"), (std::vector<std::string>{"a,b", "c"}));
    EXPECT_FALSE(properties.has("drive"));
    EXPECT_TRUE(properties.take_bool("readonly"));
    EXPECT_TRUE(properties.take_bool("readonly", true));
    EXPECT_FALSE(Properties::parse("").has(""));
}

TEST(QemuOptionsTest, HasEachOptionOnce) {
    std::set<std::string_view> names;
    for (const QemuOption &option : qemu_options()) {
        EXPECT_TRUE(names.insert(option.name).second) << option.name;
        const bool needs_why = option.fate == Fate::dropped || option.fate == Fate::lost ||
                               option.fate == Fate::refused;
        EXPECT_EQ(option.why.empty(), !needs_why) << option.name;
    }
    EXPECT_EQ(find_qemu_option("--drive"), find_qemu_option("-drive"));
    EXPECT_EQ(find_qemu_option("-nothing"), nullptr);
}

TEST(QemuOptionsTest, SaysWhatTheSandboxKeepsQemuFrom) {
    const auto faults = [](std::vector<std::string> words, bool opens_network = false) {
        std::string text;
        for (const std::string &fault : faults_of_arguments(words, {.network = opens_network}))
            text += fault + "\n";
        return text;
    };
    EXPECT_EQ(faults({"-s", "-S"}),
              "-s: QEMU has no network to listen in; Debugger=yes is a socket.\n");
    EXPECT_EQ(faults({"-s"}, true), "");
    EXPECT_EQ(faults({"-gdb", "unix:/var/lib/qemunit/a/gdb.sock,server=on,wait=off"}), "");
    EXPECT_EQ(faults({"-nic", "user,hostfwd=tcp::5022-:22"}),
              "-nic user,hostfwd=tcp::5022-:22: QEMU has no network of the host's; a section "
              "[Network NAME] says that, or [Service] opens it with PrivateNetwork=no, "
              "RestrictAddressFamilies=AF_INET AF_INET6 and IPAddressAllow=any.\n");
    EXPECT_EQ(faults({"-nic", "user"}, true), "");
    EXPECT_EQ(faults({"-daemonize", "-pidfile", "-s"}),
              "-daemonize: systemd would take the VM for one that has ended.\n"
              "-pidfile: systemd knows the PID, and QEMU cannot write there.\n");
    EXPECT_EQ(faults({"-device", "virtio-rng-pci", "-no-reboot", "-snapshot"}),
              "-snapshot: Ephemeral=yes in [Drive NAME] says that.\n");
}

TEST(QemuOptionsTest, NamesTheKeyForWhatTheSandboxWithholds) {
    const auto fault = [](const std::string &option, const std::string &value) {
        const std::vector<std::string> words{option, value};
        const auto faults = faults_of_arguments(words, {});
        return faults.empty() ? "" : faults.front();
    };
    EXPECT_EQ(fault("-overcommit", "mem-lock=on"),
              "-overcommit mem-lock=on: Locked=yes in [Memory] says that, and lets QEMU do it.");
    EXPECT_EQ(fault("-overcommit", "cpu-pm=on"), "");
    EXPECT_EQ(fault("-display", "gtk,gl=on"),
              "-display gtk,gl=on: there is no desktop where QEMU runs; Display=vnc and "
              "Display=spice have a socket.");
    EXPECT_EQ(fault("-audiodev", "pa,id=a"),
              "-audiodev pa,id=a: QEMU has no way to a loudspeaker; [Sound NAME] is heard by who "
              "watches the screen.");
    EXPECT_EQ(fault("-audiodev", "none,id=a"), "");
    EXPECT_EQ(fault("-fw_cfg", "name=opt/a,string=b"), "");
    EXPECT_EQ(fault("-fw_cfg", "name=opt/a,file=/b"),
              "-fw_cfg name=opt/a,file=/b: FirmwareFile= in [Boot] says that, and opens the file.");
    EXPECT_EQ(fault("-object", "memory-backend-ram,id=m,size=1G,host-nodes=0,policy=bind"),
              "-object memory-backend-ram,id=m,size=1G,host-nodes=0,policy=bind: QEMU may not "
              "choose the nodes of its memory; NUMAPolicy= and NUMAMask= in [Service] do that for "
              "all of it.");
    for (const char *value : {"usb-host,hostbus=1", "vfio-pci,host=01:00.0"})
        EXPECT_NE(fault("-device", value)
                      .find("sees no device of the host; [HostDevice NAME] with PCI= or USB="),
                  std::string::npos);
    const std::vector<std::string> passed_through{"-device", "vfio-pci,host=01:00.0"};
    EXPECT_TRUE(faults_of_arguments(passed_through, {.paths = true}).empty());
    EXPECT_EQ(fault("-bios", "default"), "");
}

}  // namespace
}  // namespace qemunit
