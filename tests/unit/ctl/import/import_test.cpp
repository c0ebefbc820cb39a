// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include <random>

#include "common/qemu_options/table.h"
#include "ctl/import/conversion.h"
#include "ctl/import/libvirt.h"
#include "ctl/import/proxmox.h"
#include "ctl/import/quickemu.h"
#include "ctl/import/shell.h"
#include "tests/unit/ctl/import/case_file.h"

namespace qemunit::ctl {
namespace {

Surroundings surroundings_of_a_test() {
    return {.folder = "/home/u/vms",
            .architecture = "x86_64",
            .home = "/home/u",
            .state = "/var/lib/qemunit",
            .image = {},
            .exists = {},
            .read = {}};
}

Result<ImportedVm> import_text(const std::string &command) {
    const Surroundings surroundings = surroundings_of_a_test();
    const auto words = choose_command(qemu_commands(command, surroundings.home), 0);
    if (!words)
        return std::unexpected(words.error());
    return import_command(*words, surroundings);
}

std::vector<std::string> notes_of(const std::string &ini, const std::string &kind) {
    std::vector<std::string> notes;
    std::istringstream stream(ini);
    for (std::string line; std::getline(stream, line);)
        if (line.starts_with("# " + kind + ": "))
            notes.push_back(line.substr(kind.size() + 4));
    std::ranges::sort(notes);
    return notes;
}

TEST(ImportTest, ConvertsCommandLines) {
    const auto cases = import_cases("command_lines.md");
    EXPECT_GE(cases.size(), 36u);
    for (const ImportCase &one : cases) {
        auto vm = import_text(one.input);
        ASSERT_TRUE(vm) << one.name << ": " << vm.error().message;
        vm->lose_state("/var/lib/qemunit/v04-" + one.name);
        vm->replace_in_arguments(kNamePlace, "/v04-" + one.name + "/");
        const std::string ini = vm->text("");
        EXPECT_EQ(joined(ini_lines(ini)), joined(ini_lines(one.ini))) << one.name << "\n" << ini;
        EXPECT_EQ(notes_of(ini, "lost"), one.lost) << one.name << "\n" << ini;
        EXPECT_EQ(vm->is_whole(), one.lost.empty());
        for (const std::string &changed : one.changed)
            EXPECT_TRUE(std::ranges::count(notes_of(ini, "changed"), changed))
                << one.name << ": " << changed << "\n"
                << ini;
    }
}

std::string read_for_a_test(const std::string &path) {
    if (path != "/etc/pve/storage.cfg")
        return "";
    return "dir: local\n\tpath /var/lib/vz\n\tcontent iso\n\nlvmthin: local-lvm\n\tthinpool "
           "data\n\tvgname pve\n";
}

TEST(ImportTest, ConvertsTheFilesOfOthers) {
    const auto cases = import_cases("others.md");
    EXPECT_GE(cases.size(), 6u);
    for (const ImportCase &one : cases) {
        Surroundings surroundings = surroundings_of_a_test();
        surroundings.folder = "/home/u";
        surroundings.read = read_for_a_test;
        auto vm = one.name.starts_with("libvirt")    ? import_libvirt(one.input, surroundings)
                  : one.name.starts_with("quickemu") ? import_quickemu(one.input, surroundings)
                                                     : import_proxmox(one.input, surroundings);
        ASSERT_TRUE(vm) << one.name << ": " << vm.error().message;
        const std::string name = vm->name.empty() ? "NAME" : vm->name;
        vm->lose_state("/var/lib/qemunit/" + name);
        vm->replace_in_arguments(kNamePlace, "/" + name + "/");
        const std::string ini = vm->text("");
        EXPECT_EQ(joined(ini_lines(ini)), joined(ini_lines(one.ini))) << one.name << "\n" << ini;
        EXPECT_EQ(notes_of(ini, "lost"), one.lost) << one.name << "\n" << ini;
        for (const std::string &changed : one.changed)
            EXPECT_TRUE(std::ranges::count(notes_of(ini, "changed"), changed))
                << one.name << ": " << changed << "\n"
                << ini;
    }
}

TEST(ImportTest, ReadsNoEntitiesAndNothingElse) {
    const auto message = [](const std::string &xml) {
        const auto vm = import_libvirt(xml, surroundings_of_a_test());
        return vm ? "" : vm.error().message;
    };
    EXPECT_EQ(message("<!DOCTYPE d [<!ENTITY x SYSTEM \"/etc/passwd\">]><domain type='kvm'>"
                      "<name>&x;</name></domain>"),
              "this XML is not read: it has a DTD, which libvirt writes none of");
    EXPECT_EQ(message("<domain type='kvm'>"), "line 1: this is no XML: no element found");
    EXPECT_EQ(message("<network/>"),
              "the XML is a <network>; `virsh dumpxml --inactive NAME` prints a <domain>");
    EXPECT_EQ(message("<domain type='lxc'/>"), "the domain is of type 'lxc', and not a VM of QEMU");
    std::string deep;
    for (int i = 0; i < 100; ++i)
        deep += "<a>";
    EXPECT_EQ(message(deep), "this XML is not read: it is larger than any VM");
}

// Words that QEMU's options and their values are made of, in any order, and of any bytes.
TEST(ImportTest, ComesToAnEndWithAnyWords) {
    const char *const seed_text = std::getenv("QEMUNIT_SEED");
    const unsigned seed =
        seed_text ? static_cast<unsigned>(std::atoi(seed_text)) : std::random_device()();
    RecordProperty("seed", static_cast<int>(seed));
    SCOPED_TRACE(fmt::format("QEMUNIT_SEED={}", seed));
    std::mt19937 random(seed);
    const auto pick = [&](const auto &list) {
        return std::string(list[random() % std::size(list)]);
    };
    constexpr const char *kParts[] = {"a",           "id=a",
                                      "drive=a",     "file=/x.img",
                                      "if=none",     "if=virtio",
                                      "format=raw",  "user",
                                      "tap",         "bridge",
                                      "netdev=a",    "virtio-blk",
                                      "scsi-hd",     "ide-cd",
                                      "bus=a.0",     "{\"a\":1}",
                                      "{",           "=",
                                      ",,",          "",
                                      "\n[VM]",      "2G",
                                      "chardev=a",   "unit=1",
                                      "index=9",     "node-name=a",
                                      "file=a",      "backing=a",
                                      "qcow2",       "driver=a",
                                      "\x01\xff",    "-",
                                      "--",          "virtio-scsi-pci,id=a",
                                      "socket",      "path=/a",
                                      "server=on",   "usb-storage",
                                      "VGA",         "type=pc",
                                      "q35",         "helper=--br=",
                                      "br0",         "local",
                                      "mount_tag=a", "fsdev=a",
                                      "emulator",    "tpmdev=a"};
    const auto options = qemu_options();
    for (unsigned round = 0; round < 400; ++round) {
        std::vector<std::string> words{"qemu-system-x86_64"};
        for (unsigned count = random() % 14; count > 0; --count) {
            if (random() % 2 == 0)
                words.push_back("-" + std::string(options[random() % options.size()].name));
            std::string value;
            for (unsigned parts = random() % 4; parts > 0; --parts)
                value += (value.empty() ? "" : ",") + pick(kParts);
            words.push_back(value);
        }
        const auto vm = import_command(words, surroundings_of_a_test());
        if (!vm)
            continue;
        // Whatever it is, each line is one of the ini's, and nothing of the input's own.
        std::istringstream stream(vm->text("x"));
        for (std::string line; std::getline(stream, line);)
            EXPECT_TRUE(line.empty() || line.starts_with("# ") || line.starts_with('[') ||
                        line.contains('='))
                << line;
        for (const auto &[section, lines] : ini_lines(vm->text("")))
            EXPECT_TRUE(section.ends_with(']')) << section;
    }
}

TEST(ImportTest, LeavesNoValueALineOfItsOwn) {
    const auto vm = import_command(
        {"qemu-system-x86_64", "-nodefaults", "-kernel", "/k", "-append",
         "a\n[Service]\nExecStartPre=/bin/rm", "-fw_cfg", "name=x,string=a\nb", "-name", "x\ny"},
        surroundings_of_a_test());
    ASSERT_TRUE(vm);
    const std::string ini = vm->text("");
    EXPECT_FALSE(vm->has_section("Service")) << ini;
    EXPECT_FALSE(ini.contains("\nExecStartPre")) << ini;
    EXPECT_TRUE(ini.contains("\nArguments=-fw_cfg name=x,string=a\\x0ab\n")) << ini;
    EXPECT_EQ(vm->lost_count(), 2u) << ini;
}

TEST(ImportTest, RefusesWhatIsNoVm) {
    const auto message = [](const std::string &text) {
        const auto vm = import_text(text);
        return vm ? "" : vm.error().message;
    };
    EXPECT_EQ(message("ls -l"), "there is no command with qemu-system-… in it");
    EXPECT_EQ(message("qemu-system-arm -m 1G"),
              "qemu-system-arm starts no machine without -machine");
    EXPECT_EQ(message("qemu-system-x86_64 -m"), "-m has no value: the command is cut off there");
    EXPECT_EQ(message("qemu-system-x86_64 -readconfig a.cfg"),
              "-readconfig a.cfg: the file has options of its own, which are not read here; write "
              "them on the command line");
    EXPECT_EQ(message("qemu-system-x86_64 --help"), "-help: that only shows a text");
}

}  // namespace
}  // namespace qemunit::ctl
