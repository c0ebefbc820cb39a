// SPDX-License-Identifier: MIT
//
// Whatever bytes a value holds: either QEMU's argv holds exactly these, or the file is
// refused with the line. By real processes for chosen values, by systemd's own parser for
// many random ones.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <random>

#include "tests/e2e/journal.h"
#include "tests/e2e/systemd_parser.h"
#include "tests/e2e/unit_watch.h"
#include "tests/e2e/unix_client.h"
#include "tests/e2e/vm_under_test.h"

namespace qemunit::e2e {
namespace {

namespace fs = std::filesystem;

std::string double_commas(const std::string &text) {
    std::string result;
    for (char c : text)
        result += c == ',' ? std::string(",,") : std::string(1, c);
    return result;
}

// The word after `option`.
std::string word_after(const std::vector<std::string> &words, const std::string &option) {
    auto at = std::ranges::find(words, option);
    return at != words.end() && at + 1 != words.end() ? at[1] : "(no " + option + ")";
}

bool any_word_contains(const std::vector<std::string> &words, const std::string &text) {
    return std::ranges::any_of(
        words, [&](const std::string &word) { return word.find(text) != std::string::npos; });
}

const char *const kHostile[] = {
    "a,b,,c=d,readonly=off",
    "two  spaces \t and a tab",
    "\"double\" 'single' `back`",
    "an \"open quote",
    "100% %% %i %n %H %%i",
    "$HOME ${HOME} $$ $ $1 end$",
    "back\\slash \\n \\x41 \\\\ \\",
    "; -S ; ;x a;b # no comment",
    "# not a comment",
    "= == [Service] ExecStart=/bin/false",
    "grüße, 世界 🐧",
    "-leading -dashes",
    "!@+:-|prefix",
    "trailing backslash \\",
    "~!@#$%^&*()_+{}|:<>?`-=[]\\;',./",
};

TEST(HostileValues, TheKernelCommandLineIsByteForByte) {
    std::vector<std::string> values(std::begin(kHostile), std::end(kHostile));
    std::string long_value;
    while (long_value.size() < 4000)
        long_value += fmt::format("{}% ,$x\"\\", long_value.size());
    long_value.resize(4000);
    values.push_back(long_value);

    std::vector<std::string> inis;
    for (const std::string &value : values)
        inis.push_back(paused_ini(value));
    const auto vms = VmUnderTest::several("happend", inis);
    const Finished start = start_all(vms);
    EXPECT_TRUE(start.ok()) << start;
    for (std::size_t i = 0; i < vms.size(); ++i)
        EXPECT_EQ(word_after(vms[i]->command_line(), "-append"), values[i]) << vms[i]->status();
}

std::string disk_named(const std::string &name) {
    const std::string file = kGuestDir + "/disk" + name + ".img";
    fs::copy_file(kGuestDir + "/console.img", file, fs::copy_options::overwrite_existing);
    return file;
}

std::string boot_from(const std::string &file) {
    return "[VM]\nAccelerator=tcg\nMemory=64M\nStop=quit\n[Drive root]\nFile=" + file +
           "\nReadOnly=yes\n";
}

TEST(HostileValues, ADriveCanHaveAnyName) {
    const char *const names[] = {
        "a,readonly=off,b", "100%n",     "$HOME and $$", "back\\slash\\x41", "semi ; colon",
        "grüße 世界",       "co:lon:rw", "a=b [c] #d",   " leading",         "two  spaces"};
    std::vector<std::string> files, inis;
    for (std::string name : names) {
        files.push_back(disk_named(name));
        inis.push_back(boot_from(files.back()));
    }
    const auto vms = VmUnderTest::several("hdrive", inis);
    const Finished start = start_all(vms);
    EXPECT_TRUE(start.ok()) << start;
    for (std::size_t i = 0; i < vms.size(); ++i) {
        EXPECT_TRUE(any_word_contains(vms[i]->command_line(), ":root:" + double_commas(files[i])))
            << files[i];
        // QEMU has understood it, too, and its sandbox lets it in.
        auto client = UnixClient::connect(vms[i]->socket("serial"));
        ASSERT_TRUE(client) << files[i] << ": " << client.error().message << vms[i]->status();
        EXPECT_TRUE(client->read_until("qemunit guest ready")) << files[i];
        fs::remove(files[i]);
    }
}

// Some versions of systemd lose such paths of mounts, 257 is one. An image is none.
TEST(HostileValues, ADriveCanHaveQuotesInItsName) {
    for (const char *name : {"it's", "a \"pair\"", "'another'", "half\""}) {
        const std::string file = disk_named(name);
        VmUnderTest vm("hquotes", boot_from(file));
        const Finished start = vm.start();
        ASSERT_TRUE(start.ok()) << start << vm.status();
        auto client = UnixClient::connect(vm.socket("serial"));
        ASSERT_TRUE(client) << file;
        EXPECT_TRUE(client->read_until("qemunit guest ready")) << file;
        fs::remove(file);
    }
}

TEST(HostileValues, TheDescriptionIsLiteral) {
    std::vector<std::string> inis;
    for (std::string value : kHostile)
        inis.push_back("[VM]\nDescription=" + value + "\n" + boot_sector_ini());
    const auto vms = VmUnderTest::several("hdescription", inis);
    for (std::size_t i = 0; i < vms.size(); ++i) {
        const VmUnderTest &vm = *vms[i];
        if (fs::exists("/run/systemd/generator/" + vm.unit() + ".d/50-qemunit.conf")) {
            EXPECT_EQ(unit_property(vm.unit(), "Description"), kHostile[i]);
            EXPECT_EQ(unit_property(vm.unit(), "User"), "qemu-" + vm.name());
        } else {
            EXPECT_TRUE(std::string_view(kHostile[i]).ends_with('\\')) << kHostile[i];
            EXPECT_FALSE(vm.start().ok());
            EXPECT_TRUE(vm.status().says(vm.ini_path() + ":2: ")) << vm.status();
        }
    }
}

TEST(HostileValues, ArgumentsAreWordsWithQuotes) {
    VmUnderTest vm("hargs", boot_sector_ini() +
                                "[VM]\n"
                                "Arguments=-name \"two words,debug-threads=on\"\n"
                                "Arguments=-fw_cfg 'name=opt/a,string=$x %n \\\\ \\n[Service]'\n");
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    const auto words = vm.command_line();
    EXPECT_NE(std::ranges::find(words, "two words,debug-threads=on"), words.end());
    EXPECT_EQ(word_after(words, "-fw_cfg"), "name=opt/a,string=$x %n \\ \n[Service]");
}

TEST(HostileValues, AControlByteMakesNoDirective) {
    std::vector<std::string> values, inis;
    for (char byte : {'\r', '\v', '\f', '\x01', '\x1b', '\x7f', '\0'}) {
        const std::string between(1, byte);
        values.push_back("a" + between + "[Service]" + between + "Nice=3");
        inis.push_back(paused_ini(values.back()));
    }
    const auto vms = VmUnderTest::several("hcontrol", inis);
    for (std::size_t i = 0; i < vms.size(); ++i) {
        const VmUnderTest &vm = *vms[i];
        EXPECT_NE(unit_property(vm.unit(), "Nice"), "3");
        const Finished start = vm.start();
        if (start.ok()) {
            EXPECT_EQ(word_after(vm.command_line(), "-append"), values[i]);
        } else {
            EXPECT_TRUE(vm.status().says(vm.ini_path() + ":10: ")) << vm.status();
        }
    }
}

// --- Random values, through the generator and systemd's parser ---

constexpr int kVms = 400;

// Bytes that mean something to somebody, more often than others; no newline, which ends a
// line of the ini, and no blanks at the ends, which do not belong to the value.
std::string random_value(std::mt19937_64 &random, std::size_t longest = 400) {
    static constexpr std::string_view kLoved = "\"\"''\\\\\\$$$%%%%,,;;##==[]{}:@!+-|`~*?&<>() \t";
    auto below = [&](std::size_t n) {
        return random() % n;
    };
    std::string value;
    const std::size_t length = 1 + below(below(8) ? 24 : longest);
    while (value.size() < length) {
        switch (below(16)) {
            case 0:
                value += "ü世🐧";
                break;
            case 1:
            case 2:
            case 3:
                value += static_cast<char>('a' + below(26));
                break;
            case 4:
                value += std::string_view("\\x41\\n%i$HOME${A}%%$$\\101", 24).substr(below(20), 4);
                break;
            case 5:
                if (below(12) == 0) {  // seldom: such a value may be refused
                    value += static_cast<char>(1 + below(255));
                    break;
                }
                [[fallthrough]];
            default:
                value += kLoved[below(kLoved.size())];
        }
    }
    std::erase(value, '\n');
    auto blank = [](char c) {
        return std::string_view(" \t\r\v\f").find(c) != std::string::npos;
    };
    while (!value.empty() && blank(value.back()))
        value.pop_back();
    value.erase(0, std::ranges::find_if_not(value, blank) - value.begin());
    return value.empty() ? "x" : value;
}

TEST(HostileValues, RandomOnesSurviveSystemdsParserOrAreRefused) {
    uint64_t seed = std::random_device()();
    if (const char *chosen = getenv("QEMUNIT_SEED"))
        seed = std::stoull(chosen);
    std::cout << "QEMUNIT_SEED=" << seed << std::endl;
    std::mt19937_64 random(seed);

    const fs::path dir = kGuestDir + "/property";
    fs::remove_all(dir);
    for (const char *folder : {"normal", "early", "late"})
        fs::create_directories(dir / folder);
    struct Values {
        std::string append, file, description;
    };
    std::vector<Values> vms;
    std::string wants = "[Unit]\nWants=";
    for (int i = 0; i < kVms; ++i) {
        // No part of a path is longer than 255 bytes.
        Values values{random_value(random), "/v/" + random_value(random, 240),
                      random_value(random)};
        write_file(dir / fmt::format("etc/qemunit/p{}.ini", i),
                   "[Boot]\nKernel=/k\nAppend=" + values.append + "\n[Drive root]\nFile=" +
                       values.file + "\n[VM]\nDescription=" + values.description + "\n");
        wants += fmt::format("qemu@p{}.service ", i);
        vms.push_back(std::move(values));
    }
    const Finished generator = run(
        {QEMUNIT_GENERATOR, "--root=" + dir.string(), dir / "normal", dir / "early", dir / "late"});
    ASSERT_TRUE(generator.status == 0 || generator.status == 1) << generator;

    write_file(dir / "normal/all.target", wants + "\n");
    write_file(dir / "normal/qemu@.service", "[Service]\nExecStart=/bin/true\n");
    const ParsedUnits parsed = parse_with_systemd(dir / "normal");
    // The --user manager has no use for some of the settings; what counts is whether each
    // line was read as it was meant.
    EXPECT_EQ(parsed.complaints, "");

    int refused = 0;
    for (int i = 0; i < kVms; ++i) {
        const Values &values = vms[static_cast<std::size_t>(i)];
        const std::string unit = fmt::format("qemu@p{}.service", i);
        if (!fs::exists(dir / "normal" / (unit + ".d"))) {
            ++refused;
            EXPECT_TRUE(generator.says(fmt::format("etc/qemunit/p{}.ini:", i))) << unit;
            continue;
        }
        auto it = parsed.units.find(unit);
        ASSERT_NE(it, parsed.units.end()) << unit;
        EXPECT_EQ(it->second.refused_dollar, "") << unit;
        EXPECT_EQ(word_after(it->second.command, "-append"), values.append) << unit;
        EXPECT_TRUE(any_word_contains(it->second.command, ",guessed:" + values.file))
            << unit << ": " << values.file;
        EXPECT_EQ(it->second.description, values.description) << unit;
    }
    std::cout << refused << " of " << kVms << " refused" << std::endl;
    EXPECT_LT(refused, kVms / 2) << "refuses what it could pass on";
    if (!HasFailure())
        fs::remove_all(dir);
}

}  // namespace
}  // namespace qemunit::e2e
