// SPDX-License-Identifier: MIT
//
// What we write, as systemd itself reads it: `systemd --test` loads units and prints what
// it understood. It runs as nobody and starts nothing.
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "common/paths.h"
#include "generator/qemu/arguments.h"
#include "generator/units/render.h"
#include "generator/units/unit_text.h"
#include "tests/unit/generator/from_ini.h"
#include "tests/unit/program.h"
#include "tests/unit/random_text.h"
#include "tests/unit/temporary_folder.h"

namespace qemunit::generator {
namespace {

using testing::Texts;

// A word as systemd's quote_command_line() writes it (src/basic/escape.c,
// shell_maybe_quote). Moves `text` behind it.
std::string take_word(std::string_view &text) {
    std::string word;
    if (!text.starts_with('"')) {
        const std::size_t end = std::min(text.find(' '), text.size());
        word = text.substr(0, end);
        text.remove_prefix(end);
        return word;
    }
    std::size_t i = 1;
    for (; i < text.size() && text[i] != '"'; ++i) {
        if (text[i] != '\\') {
            word += text[i];
            continue;
        }
        constexpr std::string_view kLetters = "abfnrtv", kBytes = "\a\b\f\n\r\t\v";
        const char c = text[++i];
        if (const std::size_t known = kLetters.find(c); known != kLetters.npos) {
            word += kBytes[known];
        } else if (c >= '0' && c <= '3') {
            word +=
                static_cast<char>((c - '0') * 64 + (text[i + 1] - '0') * 8 + (text[i + 2] - '0'));
            i += 2;
        } else {
            word += c;
        }
    }
    text.remove_prefix(std::min(i + 1, text.size()));
    return word;
}

// What is left of "$$" when the command is run.
std::string fold_dollars(std::string_view word) {
    std::string text;
    for (std::size_t i = 0; i < word.size(); ++i) {
        text += word[i];
        if (word.substr(i, 2) == "$$")
            ++i;
    }
    return text;
}

Texts words_of(std::string_view command_line) {
    Texts words;
    while (!command_line.empty()) {
        words.push_back(fold_dollars(take_word(command_line)));
        if (command_line.starts_with(' '))
            command_line.remove_prefix(1);
    }
    return words;
}

class SystemdParserTest : public ::testing::Test {
  protected:
    void SetUp() override {
        for (const char *path : {"/usr/lib/systemd/systemd", "/lib/systemd/systemd"})
            if (::access(path, X_OK) == 0)
                systemd = path;
        if (systemd.empty())
            GTEST_SKIP() << "systemd is not installed here";
        ASSERT_EQ(chown(folder.make_folder("runtime").c_str(), geteuid() == 0 ? 65534 : -1, -1u),
                  0);
        folder.write("units/probe.service", "[Service]\nExecStart=/bin/true works\n");
        if (load("probe.service"); commands() != std::vector<Texts>{{"/bin/true", "works"}})
            GTEST_SKIP() << "systemd --test does not work here: " << findings;
    }

    // The drop-ins, on the templates as installed.
    void write_units(const Vm &vm) const {
        const Output output = render(vm, Architecture::x86_64);
        for (const OutputFile &file : output.files)
            folder.write("units/" + file.path, file.content);
        for (const OutputLink &link : output.links)
            folder.link("units/" + link.path, link.target);
        for (const auto &entry : std::filesystem::directory_iterator(QEMUNIT_BUILT_UNITS)) {
            const std::string name = entry.path().filename();
            if (name.starts_with("qemu") && entry.is_regular_file())
                folder.link("units/" + name, entry.path());
        }
    }

    static bool is_there(const Texts &texts, const std::string &wanted) {
        return std::ranges::any_of(texts, [&](const auto &t) { return t.starts_with(wanted); });
    }

    // Keeps what systemd prints about the unit.
    void load(const std::string &unit) {
        const auto result = testing::run_program(
            {systemd, "--test", "--user", "--unit=" + unit, "--no-pager"},
            {.environment = {"SYSTEMD_UTF8=no",  // or 257 says "→"
                             "SYSTEMD_UNIT_PATH=" + (folder / "units") + ":",
                             "XDG_RUNTIME_DIR=" + (folder / "runtime"), "HOME=/"},
             .unprivileged = true});
        findings = result.errors;
        const std::string begin = "\t-> Unit " + unit + ":\n";
        const std::size_t at = result.output.find(begin);
        about = at == result.output.npos ? "" : result.output.substr(at + begin.size());
        about.resize(std::min(about.find("\t-> Unit "), about.size()));
    }

    // The values of a line of it, "Description: …".
    Texts values(const std::string &name) const {
        Texts found;
        for (std::size_t at = 0; at < about.size();) {
            const std::size_t end = std::min(about.find('\n', at), about.size());
            const std::string line = about.substr(about.find_first_not_of('\t', at),
                                                  end - about.find_first_not_of('\t', at));
            if (line.starts_with(name + ": "))
                found.push_back(line.substr(name.size() + 2));
            at = end + 1;
        }
        return found;
    }

    std::vector<Texts> commands() const {
        std::vector<Texts> found;
        for (const std::string &line : values("Command Line"))
            found.push_back(words_of(line));
        return found;
    }

    // Each command in a line of its own.
    void expect_to_come_back(const std::vector<Texts> &written) {
        std::string unit = "[Service]\nType=oneshot\n";
        std::vector<Texts> expected;
        for (const Texts &words : written) {
            unit += "ExecStart=/bin/true";
            expected.push_back({"/bin/true"});
            for (const std::string &word : words) {
                unit += (expected.back().size() % 3 == 0 ? " \\\n    " : " ") + quote_word(word);
                expected.back().push_back(word);
            }
            unit += "\n";
        }
        folder.write("units/words.service", unit);
        load("words.service");
        const auto found = commands();
        ASSERT_EQ(found.size(), expected.size()) << findings;
        for (std::size_t i = 0; i < found.size(); ++i)
            EXPECT_EQ(found[i], expected[i]);
        EXPECT_EQ(findings.find("words.service"), findings.npos) << findings;
    }

    std::string systemd;
    testing::TemporaryFolder folder;
    std::string about;
    std::string findings;
};

TEST_F(SystemdParserTest, WordsWithAMeaningOfTheirOwn) {
    expect_to_come_back({
        {""},
        {"", "", "x"},
        {"-leading", "@at", "+plus", "!bang", "!!", ":colon", "|pipe", "-", "--", "@", "+"},
        {";", "\\;", ";;", "#", "#x", "[Service]", "ExecStart=/bin/false"},
        {"$A", "${A}", "$$", "$", "a$", "$(x)", "%", "%%", "%n", "100%", "%%n"},
        {"\"", "'", "\\", "\\\\", "\\n", "\\x41", "a\\", "\"a b\"", "'a b'", "it's"},
        {" ", "\t", "\n", "\r", "a b", " a ", "a\nb", "\nExecStart=/bin/false\n"},
        {"\x01", "\x1b[31m", "\x7f", "\a\b\f\v"},
        {"ä", "日本語", "😀", "\u0085", "\u2028", "\ufeff", "\ufffd", "\ufdd0", "\ufffe"},
        {"\xff", "\x80", "ä\xc3", "\xed\xa0\x80"},
    });
}

TEST_F(SystemdParserTest, LongWords) {
    testing::RandomText random(6);
    std::string mixed;
    while (mixed.size() < 4000)
        mixed += random.word();
    expect_to_come_back({{std::string(4000, 'x'), std::string(4000, '$'), std::string(4000, '"')},
                         {mixed, std::string(100'000, '%')}});
}

TEST_F(SystemdParserTest, RandomWords) {
    testing::RandomText random(7);
    std::vector<Texts> commands;
    for (int i = 0; i < 120; ++i) {
        Texts &words = commands.emplace_back();
        for (std::size_t n = 1 + random.below(6); n > 0; --n)
            words.push_back(random.word());
    }
    expect_to_come_back(commands);
}

TEST_F(SystemdParserTest, RandomBytes) {
    testing::RandomText random(8);
    std::vector<Texts> commands;
    for (int i = 0; i < 60; ++i) {
        std::string word = random.bytes(1 + random.below(20));
        std::erase(word, '\0');
        commands.push_back({word});
    }
    expect_to_come_back(commands);
}

// A VM whose values hold all of it, on the template unit as installed.
TEST_F(SystemdParserTest, AWholeVm) {
    const std::string name = "a b,c:d;e\"f'g\\h%i$j#k\xc3\xa4";
    const auto [vm, said] = testing::from_ini(
        "[VM]\nDescription=100% \"sure\" \\\\ $HOME ; # 'ä'\n"
        "QEMU=/opt/" +
        name +
        "\n"
        "Arguments=-x \"a\\nb\" '' ; \\x01 %n $X\n"
        "[Boot]\nKernel=/boot/" +
        name +
        "\nAppend=a=\"b c\" ; $X %n \\\n"
        "[Drive d]\nFile=/srv/" +
        name +
        "\n"
        "[Drive e]\nFile=/dev/mapper/" +
        name +
        "\nReadOnly=yes\n"
        "[Share s]\nPath=/home/" +
        name +
        "\n"
        "[Credential a]\nFile=/etc/" +
        name +
        "\n"
        "[Credential b]\nText=\\x \\ %n \"'$ :\\\n"
        "[Network n]\nMAC=52:54:00:12:34:56\n");
    ASSERT_EQ(said, Texts{});
    Vm hostile = vm;
    hostile.source_path = "/etc/qemunit/50%/vm1.ini";
    write_units(hostile);

    load("qemu@vm1.service");
    EXPECT_EQ(findings.find("50-qemunit.conf"), findings.npos) << findings;
    EXPECT_EQ(values("Description"), Texts{"100% \"sure\" \\\\ $HOME ; # 'ä'"});
    EXPECT_EQ(values("Source Path"), Texts{"/etc/qemunit/50%/vm1.ini"});
    // And ExecReload= of the template.
    ASSERT_EQ(commands().size(), 3u) << findings;
    const Texts opened = commands()[0];
    ASSERT_EQ(opened.size(), 7u);
    EXPECT_EQ(opened[2], "--drive-file=1:d:rw:raw,guessed:/srv/" + name);
    EXPECT_EQ(opened[3], "--drive-file=2:e:r:raw,guessed:/dev/mapper/" + name);
    EXPECT_EQ(
        Texts(opened.begin() + 4, opened.end()),
        (Texts{"--mounted=/boot/" + name, "--mounted=/home/" + name, "--mounted=/opt/" + name}));
    Texts words = commands()[1];
    ASSERT_GT(words.size(), 11u);
    EXPECT_EQ(words[1], "--vm=vm1");
    EXPECT_EQ(words[2], "--serial=serial");
    EXPECT_EQ(Texts(words.begin() + 3, words.begin() + 10),
              (Texts{"--check-kvm", "--reads=/boot/" + name, opened[2], opened[3], opened[4],
                     opened[5], opened[6]}));
    EXPECT_EQ(words[10], "--needs=qemu-usernet@vm1:n.service,/run/qemunit-usernet/vm1:n/sock");
    words.erase(words.begin(), words.begin() + 11);
    EXPECT_EQ(words, qemu_arguments(hostile, Architecture::x86_64));

    EXPECT_TRUE(is_there(values("BindReadOnlyPaths"), "-/boot/" + name + ":/boot/" + name + ":"));
    EXPECT_TRUE(is_there(values("BindReadOnlyPaths"), "-/opt/" + name + ":/opt/" + name + ":"));
    EXPECT_TRUE(is_there(values("DeviceAllow"), "/dev/mapper/" + name + " r"));
    EXPECT_TRUE(is_there(values("BindPaths"), "-/home/" + name + ":/home/" + name + ":"));
}

TEST_F(SystemdParserTest, PathsWithAMeaningOfTheirOwn) {
    const Texts paths = {"/a:b",   "/a:b:rw",    "/a b:c d", "/it's \"it\"", "/\"", "/'",     "/\\",
                         "/\\x41", "/a\\:\"'\\", "/  ",      "/ä%n$A",       "/#;", "/-a=[b]"};
    const char *const keys[] = {"BindPaths",   "BindReadOnlyPaths", "ReadWritePaths",
                                "NoExecPaths", "ExecPaths",         "InaccessiblePaths"};
    std::string unit = "[Service]\nExecStart=/bin/true\n";
    Texts mounts;
    std::string all;
    for (const std::string &path : paths) {
        for (const std::string key : keys)
            unit += key + "=" + quote_path("-" + path) + "\n";
        mounts.push_back("-" + path + ":" + path + ":rbind");
        all += (all.empty() ? "-" : " -") + path;
    }
    folder.write("units/paths.service", unit);
    load("paths.service");
    EXPECT_EQ(findings.find("paths.service"), findings.npos) << findings;
    for (const std::string key : keys)
        EXPECT_EQ(values(key), key.starts_with("Bind") ? mounts : Texts{all}) << key;
}

TEST_F(SystemdParserTest, TheServiceNamesItsSockets) {
    const auto [vm, said] = testing::from_ini("[Serial debug]\n[Serial serial]\nSocketMode=0600\n");
    ASSERT_EQ(said, Texts{});
    write_units(vm);
    load("qemu@vm1.service");
    for (const char *dependency : {"Wants", "After"}) {
        const Texts units = values(dependency);
        for (const std::string socket : {"qemu-monitor@vm1.socket", "qemu-serial@vm1.socket"})
            EXPECT_TRUE(std::ranges::any_of(
                units, [&](const std::string &unit) { return unit.starts_with(socket + " "); }))
                << dependency << " " << socket;
    }
    load("qemu-serial@vm1.socket");
    EXPECT_EQ(values("SocketMode"), Texts{"0000"});
    Texts listens = values("ListenStream");
    ASSERT_EQ(listens.size(), 2u);
    EXPECT_TRUE(listens[0].ends_with("/qemunit/vm1/serial.sock"));
    EXPECT_EQ(listens[1], "/run/qemunit/vm1/debug.sock");
}

TEST_F(SystemdParserTest, TheUnitsBesideQemu) {
    const std::string name = "a b,c:d;e\"f'g\\h%i$j#k\xc3\xa4";
    auto [vm, said] = testing::from_ini(
        "[VM]\nUser=daemon\nTPM=yes\n"
        "[Drive d]\nFile=/srv/" +
        name + "/" + name + "\nFormat=qcow2\nBackingFile=/base/" + name +
        "\n[Share s]\nType=virtiofs\nPath=/srv/" + name +
        "\n[Network p]\nType=passt\nHostForward=tcp:127.0.0.1:10022-:22\n"
        "[Network b]\nType=bridge\nBridge=br0\n[Credential c]\nFile=/srv/" +
        name + "\n");
    ASSERT_EQ(said, Texts{});
    vm.source_path = "/etc/qemunit/vm1.ini";
    write_units(vm);

    load("qemu@vm1.service");
    EXPECT_EQ(findings.find("50-qemunit.conf"), findings.npos) << findings;
    for (const std::string unit :
         {"qemu-image@vm1.service", "qemu-tpm@vm1.service", "qemu-passt@vm1:p.service",
          "qemu-tap@vm1-b.service", "qemu-virtiofs@vm1:s.socket", "qemu-credential@vm1.service"})
        for (const char *dependency : {"Wants", "After"})
            EXPECT_TRUE(is_there(values(dependency), unit + " ")) << dependency << " " << unit;

    load("qemu-image@vm1.service");
    ASSERT_FALSE(commands().empty());
    EXPECT_EQ(commands().back(),
              (Texts{std::string(kImageToolPath), "--vm=vm1", "--owner=daemon", "--format=qcow2",
                     "--backing-format=raw", "--backing-format-is-guessed",
                     "--backing-file=/base/" + name, "/srv/" + name + "/" + name}));
    EXPECT_TRUE(is_there(values("ConditionPathExists"), "|!/srv/" + name + "/" + name + " "));
    EXPECT_EQ(values("ReadWritePaths"), Texts{"-/var/lib/qemunit -/srv/" + name});

    load("qemu-virtiofs@vm1:s.service");
    ASSERT_FALSE(commands().empty());
    EXPECT_EQ(commands().front(), (Texts{std::string(kShareToolPath), "/srv/" + name}));

    load("qemu-credential@vm1.service");
    EXPECT_EQ(commands(), (std::vector<Texts>{{std::string(kCredentialToolPath), "--owner=daemon",
                                               "c", "/srv/" + name}}));

    load("qemu-tap@vm1-b.service");
    EXPECT_TRUE(is_there(values("Wants"), "qemu-bridge@br0.service "));
    EXPECT_TRUE(is_there(values("PartOf"), "qemu@vm1.service "));
    EXPECT_EQ(values("Environment"), (Texts{"QEMUNIT_VM=vm1", "BRIDGE=br0"}));
    ASSERT_EQ(commands().size(), 4u);
    EXPECT_EQ(commands()[1], (Texts{std::string(kHelperPath.substr(0, kHelperPath.rfind('/'))) +
                                        "/qemunit-interface",
                                    "tap", "vm1-b"}));
}

}  // namespace
}  // namespace qemunit::generator
