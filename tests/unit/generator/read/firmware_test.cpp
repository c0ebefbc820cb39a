// SPDX-License-Identifier: MIT
//
// Which of a machine's firmware a VM gets, by descriptors in the form of Debian's.
#include "generator/read/firmware.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gtest/gtest.h>

#include "tests/unit/temporary_folder.h"

namespace qemunit::generator {
namespace {

struct Descriptor {
    std::string code;  // the name of it; that of the variables is made from it
    std::vector<std::string> features;
    std::string architecture = "x86_64";
    std::vector<std::string> machines = {"pc-i440fx-*", "pc-q35-*"};
    std::string interface = "uefi";
    std::string device = "flash";
    std::string more = {};  // of the mapping
};

std::string quoted(const std::vector<std::string> &words) {
    return words.empty() ? "" : fmt::format("\"{}\"", fmt::join(words, "\", \""));
}

std::string descriptor_text(const Descriptor &d) {
    return fmt::format(
        R"({{"description": "a test's", "interface-types": ["{}"],
            "mapping": {{"device": "{}", {}
                "executable": {{"filename": "/fw/{}.fd", "format": "raw"}},
                "nvram-template": {{"filename": "/fw/{}.vars.fd", "format": "qcow2"}}}},
            "targets": [{{"architecture": "{}", "machines": [{}]}}],
            "features": [{}], "tags": []}})",
        d.interface, d.device, d.more, d.code, d.code, d.architecture, quoted(d.machines),
        quoted(d.features));
}

const std::vector<std::string> kSecure = {"acpi-s3", "enrolled-keys", "requires-smm",
                                          "secure-boot"};

class FirmwareTest : public ::testing::Test {
  protected:
    void add(const std::string &name, const std::string &text) {
        root.write("usr/share/qemu/firmware/" + name, text);
    }
    void add(const std::string &name, const Descriptor &descriptor) {
        add(name, descriptor_text(descriptor));
    }

    // The code's name, or the error.
    std::string find(const Vm &vm) {
        FirmwareCatalog catalog(root.path());
        const auto found = catalog.find(vm, Architecture::x86_64);
        if (!found)
            return found.error();
        const std::size_t slash = found->code.rfind('/') + 1;
        return found->code.substr(slash, found->code.rfind('.') - slash);
    }
    std::string find(const char *machine = nullptr, Firmware firmware = Firmware::uefi) {
        Vm vm{.firmware = firmware};
        if (machine != nullptr)
            vm.machine = QemuName{machine};
        return find(vm);
    }

    testing::TemporaryFolder root;
    const std::string nothing =
        "this machine has no such firmware for the machine 'q35' of x86_64; install the package "
        "that has it, on Debian ovmf.";
};

TEST_F(FirmwareTest, AllOfADescriptor) {
    add("60.json", Descriptor{"ovmf"});
    FirmwareCatalog catalog(root.path());
    const auto found = catalog.find(Vm{.firmware = Firmware::uefi}, Architecture::x86_64);
    ASSERT_TRUE(found);
    EXPECT_EQ(found->code, "/fw/ovmf.fd");
    EXPECT_EQ(found->code_format, "raw");
    EXPECT_EQ(found->variables, "/fw/ovmf.vars.fd");
    EXPECT_EQ(found->variables_format, "qcow2");
}

TEST_F(FirmwareTest, NothingIsInstalled) {
    EXPECT_EQ(find(), nothing);
    Vm vm{.architecture = Architecture::aarch64};
    EXPECT_EQ(find(vm),
              "this machine has no such firmware for the machine 'virt' of aarch64; install the "
              "package that has it, on Debian qemu-efi-aarch64.");
    vm.architecture = Architecture::arm;
    EXPECT_EQ(find(vm),
              "this machine has no such firmware for the machine 'virt' of arm; install the "
              "package that has it, on Debian qemu-efi-arm.");
}

TEST_F(FirmwareTest, TheFirstNameThatSuits) {
    add("70.json", Descriptor{"late"});
    add("60.json", Descriptor{"early"});
    EXPECT_EQ(find(), "early");
}

TEST_F(FirmwareTest, AFileInEtcReplacesTheOneOfItsName) {
    add("60.json", Descriptor{"packaged"});
    root.write("etc/qemu/firmware/60.json", descriptor_text({"local"}));
    EXPECT_EQ(find(), "local");
    root.write("etc/qemu/firmware/50.json", descriptor_text({"first"}));
    EXPECT_EQ(find(), "first");
}

TEST_F(FirmwareTest, AnEmptyFileOrALinkToNullMasks) {
    add("60.json", Descriptor{"empty"});
    add("61.json", Descriptor{"null"});
    root.write("etc/qemu/firmware/60.json", "");
    root.link("etc/qemu/firmware/61.json", "/dev/null");
    EXPECT_EQ(find(), nothing);
    add("70.json", Descriptor{"other"});
    EXPECT_EQ(find(), "other");
}

TEST_F(FirmwareTest, SecureBootNeedsTheKeys) {
    add("40.json", Descriptor{"enrolled", kSecure});
    add("50.json", Descriptor{"keyless", {"requires-smm", "secure-boot"}});
    add("51.json", Descriptor{"keyless-without-smm", {"secure-boot"}});
    EXPECT_EQ(find(), nothing);
    EXPECT_EQ(find(nullptr, Firmware::uefi_secure), "enrolled");
    add("60.json", Descriptor{"plain"});
    EXPECT_EQ(find(), "plain");
    root.write("etc/qemu/firmware/40.json", "");
    EXPECT_EQ(find(nullptr, Firmware::uefi_secure), nothing);
}

TEST_F(FirmwareTest, MachinesByTheirPatterns) {
    add("50.json", Descriptor{"q35", {}, "x86_64", {"pc-q35-*"}});
    add("60.json", Descriptor{"pc", {}, "x86_64", {"pc-i440fx-*"}});
    add("70.json", Descriptor{"microvm", {}, "x86_64", {"microvm"}});
    for (const char *machine : {"q35", "pc-q35-7.2"})
        EXPECT_EQ(find(machine), "q35") << machine;
    for (const char *machine : {"pc", "pc-i440fx-7.2"})
        EXPECT_EQ(find(machine), "pc") << machine;
    EXPECT_EQ(find("microvm"), "microvm");
    EXPECT_EQ(find("isapc"),
              "this machine has no such firmware for the machine 'isapc' of x86_64; install the "
              "package that has it, on Debian ovmf.");
}

TEST_F(FirmwareTest, ArchitecturesByTheirNames) {
    add("50.json", Descriptor{"arm", {}, "arm", {"virt-*"}});
    add("60.json", Descriptor{"aarch64", {}, "aarch64", {"virt-*"}});
    add("70.json", Descriptor{"x86", {}, "i386"});
    EXPECT_EQ(find(Vm{.architecture = Architecture::aarch64}), "aarch64");
    EXPECT_EQ(find(Vm{.architecture = Architecture::arm}), "arm");
    EXPECT_EQ(find(Vm{.architecture = Architecture::i386}), "x86");
    EXPECT_EQ(find(Vm{.architecture = Architecture::aarch64, .machine = QemuName{"virt-7.2"}}),
              "aarch64");
    EXPECT_EQ(find(), nothing);
}

TEST_F(FirmwareTest, OtherFormsAreNotOurs) {
    add("10.json", Descriptor{"bios", {}, "x86_64", {"pc-q35-*"}, "bios"});
    add("20.json", Descriptor{"memory", {}, "x86_64", {"pc-q35-*"}, "uefi", "memory"});
    add("30.json",
        Descriptor{
            "combined", {}, "x86_64", {"pc-q35-*"}, "uefi", "flash", R"("mode": "combined",)"});
    add("35.json",
        Descriptor{
            "stateless", {}, "x86_64", {"pc-q35-*"}, "uefi", "flash", R"("mode": "stateless",)"});
    EXPECT_EQ(find(), nothing);
    add("40.json",
        Descriptor{"split", {}, "x86_64", {"pc-q35-*"}, "uefi", "flash", R"("mode": "split",)"});
    EXPECT_EQ(find(), "split");
}

TEST_F(FirmwareTest, BrokenFilesAreIgnored) {
    add("10.json", "{");
    add("11.json", "[]");
    add("12.json", "null");
    add("13.json", R"({"interface-types": "uefi", "mapping": 1, "targets": [], "features": []})");
    add("14.json", descriptor_text({"numbers"})
                       .replace(descriptor_text({"numbers"}).find("\"raw\""), 5, "42"));
    add("15.json", "\xff\xfe");
    add("16.json", std::string(100'000, ' ') + descriptor_text({"large"}));
    add("17.txt", descriptor_text({"no json"}));
    root.make_folder("usr/share/qemu/firmware/18.json");
    root.link("usr/share/qemu/firmware/19.json", "/gone.json");
    EXPECT_EQ(find(), nothing);
    add("60.json", Descriptor{"good"});
    EXPECT_EQ(find(), "good");
}

TEST_F(FirmwareTest, TheFoldersAreReadOnce) {
    FirmwareCatalog catalog(root.path());
    const Vm vm{.firmware = Firmware::uefi};
    add("60.json", Descriptor{"first"});
    ASSERT_TRUE(catalog.find(vm, Architecture::x86_64));
    add("50.json", Descriptor{"second"});
    EXPECT_EQ(catalog.find(vm, Architecture::x86_64)->code, "/fw/first.fd");
}

}  // namespace
}  // namespace qemunit::generator
