// SPDX-License-Identifier: MIT
//
// Each option that the generator writes is a key's or a section's. The command lines are those of
// tests/golden.
#include "ctl/verbs/ini_words.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "ctl/verbs/drive_words.h"

namespace qemunit::ctl {
namespace {

namespace fs = std::filesystem;

QemuOption option(std::string name, std::string value = "") {
    QemuOption made{.name = std::move(name), .value = std::move(value), .parts = {}};
    made.parts = split_parts(made.value);
    return made;
}

std::string word(const char *name, const char *value = "") {
    return ini_word(option(name, value)).text;
}

std::string text_of(const fs::path &path) {
    std::ifstream file(path);
    return {std::istreambuf_iterator<char>(file), {}};
}

bool has_arguments(const fs::path &tree) {
    for (const auto &entry : fs::recursive_directory_iterator(tree / "etc"))
        if (entry.is_regular_file() && text_of(entry).find("Arguments=") != std::string::npos)
            return true;
    return false;
}

// A line each: "    -smp 4 \\", from -name on.
std::vector<QemuOption> options_in(const std::string &drop_in) {
    std::vector<QemuOption> options;
    std::size_t at = drop_in.find("\n    -name ");
    while (at != std::string::npos && drop_in.substr(at + 1, 5) == "    -") {
        const std::size_t end = drop_in.find('\n', at + 1);
        std::string line = drop_in.substr(at + 5, end - at - 5);
        if (line.ends_with(" \\"))
            line.resize(line.size() - 2);
        const std::size_t space = line.find(' ');
        std::string value = space == line.npos ? "" : line.substr(space + 1);
        std::erase(value, '"');
        options.push_back(option(line.substr(0, space), value));
        at = end;
    }
    return options;
}

TEST(IniWordsTest, EachOptionOfTheGeneratorIsAKeysOrASections) {
    int seen = 0;
    for (const auto &tree : fs::directory_iterator(QEMUNIT_SOURCE_DIR "/tests/golden")) {
        if (!fs::exists(tree / fs::path("etc")) || !fs::exists(tree / fs::path("expected")) ||
            has_arguments(tree))
            continue;
        for (const auto &entry : fs::recursive_directory_iterator(tree / fs::path("expected"))) {
            if (!entry.path().parent_path().filename().native().starts_with("qemu@") ||
                !entry.is_regular_file())
                continue;
            for (const QemuOption &option : options_in(text_of(entry))) {
                ++seen;
                if (option.name != "-name" && option.name != "-nodefaults" &&
                    option.name != "-no-user-config" && option.name != "-accel") {
                    EXPECT_FALSE(ini_word(option).text.starts_with("Arguments=")) << entry.path();
                    EXPECT_EQ(ini_word(option).text.find("[]"), std::string::npos) << option.text();
                }
            }
        }
    }
    EXPECT_GT(seen, 300);
}

TEST(IniWordsTest, SayWhichKey) {
    EXPECT_EQ(word("-smp", "4"), "CPUs= in [VM]");
    EXPECT_EQ(word("-smp", "4,sockets=2"), "CPUs= in [VM], or [CPU]");
    EXPECT_EQ(word("-global", "driver=ICH9-LPC,property=disable_s3,value=1"),
              "DeviceProperty= in [VM]");
    EXPECT_EQ(word("-global", "driver=cfi.pflash01,property=secure,value=on"), "Firmware= in [VM]");
    EXPECT_EQ(word("-vnc", "unix:/x,audiodev=qemunit-sound-card"), "Display= in [VM]");
    EXPECT_EQ(word("-device", "qxl-vga,id=qemunit-screen"), "Display= in [VM], or [Screen]");
    EXPECT_EQ(word("-audiodev", "none,id=qemunit-sound-card"), "[Sound card]");
    EXPECT_EQ(word("-device", "ich9-intel-hda,id=qemunit-sound-card-hda"), "[Sound card]");
    EXPECT_EQ(word("-device", "hda-duplex,audiodev=qemunit-sound-card,id=card"), "[Sound card]");
    EXPECT_EQ(word("-object", "iothread,id=qemunit-io-root"), "[Drive root]");
    EXPECT_EQ(word("-net", "nic,netdev=lan,macaddr=52:54:00:00:00:01"), "[Network lan]");
    EXPECT_EQ(word("-device", "usb-redir,chardev=qemunit-redirection-1,id=qemunit-redirection-1"),
              "USBRedirection= in [Screen]");
    EXPECT_EQ(word("-fw_cfg", "name=opt/com.coreos/config,file=/a"), "FirmwareFile= in [Boot]");
    EXPECT_EQ(word("-device", "vfio-pci,host=0000:03:00.0,id=gpu,bus=qemunit-hostdev-gpu"),
              "[HostDevice gpu]");
    EXPECT_EQ(word("-device", "pcie-root-port,id=qemunit-hostdev-gpu,chassis=150"),
              "[HostDevice gpu]");
    EXPECT_EQ(word("-gdb", "unix:/x"), "Debugger= in [VM]");
    EXPECT_EQ(word("-device", "pcie-root-port,id=qemunit-port-1"), "HotPlugPorts= in [VM]");
    EXPECT_EQ(word("-device", "virtio-serial-pci,id=qemunit-serial"), "");
}

}  // namespace
}  // namespace qemunit::ctl
