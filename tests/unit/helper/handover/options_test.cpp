// SPDX-License-Identifier: MIT
#include "helper/handover/options.h"

#include <gtest/gtest.h>

namespace qemunit::helper {
namespace {

using Mode = HelperOptions::Mode;
using Words = std::vector<std::string>;

std::string option_fault(const Words &words) {
    const auto parsed = parse_helper_options(words);
    return parsed ? "" : parsed.error().message;
}

TEST(HelperOptionsTest, WhatTheGeneratorWrites) {
    const auto options = parse_helper_options({"--vm=vm1", "--serial=serial", "--serial=a,direct",
                                               "--serial=b,nolog", "--serial=c,nolog,direct",
                                               "/usr/bin/qemu", "-name", "--vm=x", ""});
    ASSERT_TRUE(options);
    EXPECT_EQ(options->mode, Mode::run);
    EXPECT_EQ(options->vm, "vm1");
    ASSERT_EQ(options->serials.size(), 4u);
    const auto expect = [&](std::size_t i, const char *name, bool direct, bool log) {
        EXPECT_EQ(options->serials[i].name, name);
        EXPECT_EQ(options->serials[i].direct, direct);
        EXPECT_EQ(options->serials[i].log, log);
    };
    expect(0, "serial", false, true);
    expect(1, "a", true, true);
    expect(2, "b", false, false);
    expect(3, "c", true, false);
    EXPECT_EQ(options->qemu, (Words{"/usr/bin/qemu", "-name", "--vm=x", ""}));
}

TEST(HelperOptionsTest, APortIsOptional) {
    const auto options = parse_helper_options({"--vm=vm1", "/q"});
    ASSERT_TRUE(options);
    EXPECT_TRUE(options->serials.empty());
}

TEST(HelperOptionsTest, WhatTheVmAsksFor) {
    const auto options = parse_helper_options(
        {"--vm=vm1", "--channel=events", "--channel=agent", "--check-kvm",
         "--uefi-variables=/usr/share/VARS 4M.fd", "--reads=/boot/k", "--reads=/a=b",
         "--writes=/srv/a.img", "--made=/srv/a.img", "--drive-file=3:root:rw:qcow2:/srv/a:b",
         "--backing-file=4:root:raw,guessed:/srv/c", "--sized=1048576:qcow2:/srv/c",
         "/usr/bin/qemu", "--reads=/no"});
    ASSERT_TRUE(options);
    EXPECT_EQ(options->channels, (Words{"events", "agent"}));
    EXPECT_TRUE(options->check_kvm);
    EXPECT_EQ(options->uefi_variables, "/usr/share/VARS 4M.fd");
    EXPECT_EQ(options->reads, (Words{"/boot/k", "/a=b"}));
    EXPECT_EQ(options->writes, Words{"/srv/a.img"});
    EXPECT_EQ(options->made, Words{"/srv/a.img"});
    ASSERT_EQ(options->files.size(), 2u);
    EXPECT_EQ(key_of(options->files[0]), "[Drive root] File=/srv/a:b");
    EXPECT_EQ(key_of(options->files[1]), "[Drive root] BackingFile=/srv/c");
    ASSERT_EQ(options->sized.size(), 1u);
    EXPECT_EQ(options->sized[0].size, 1048576u);
    EXPECT_EQ(options->sized[0].format, "qcow2");
    EXPECT_EQ(options->sized[0].path, "/srv/c");
    EXPECT_EQ(options->qemu, (Words{"/usr/bin/qemu", "--reads=/no"}));
}

TEST(HelperOptionsTest, WhatIsSaidOfNoImage) {
    for (const std::string bad : {"", "raw", "raw:", ":/a", "raw:a"}) {
        EXPECT_EQ(option_fault({"--vm=a", "--sized=1:" + bad, "/q"}),
                  "'" + bad + "' is not a format and an image");
    }
    for (const std::string bad : {"", "1", "x:raw:/a", "-1:raw:/a", "1x:raw:/a"})
        EXPECT_EQ(option_fault({"--vm=a", "--sized=" + bad, "/q"}),
                  "'" + bad + "' is not a size, a format and an image");
}

TEST(HelperOptionsTest, WhatTheVmDoesNotAskFor) {
    const auto options = parse_helper_options({"--vm=vm1", "/q"});
    ASSERT_TRUE(options);
    EXPECT_FALSE(options->check_kvm);
    EXPECT_EQ(options->uefi_variables, "");
    EXPECT_TRUE(options->channels.empty() && options->reads.empty() && options->writes.empty() &&
                options->made.empty());
}

TEST(HelperOptionsTest, BrokenChannels) {
    EXPECT_EQ(option_fault({"--vm=a", "--channel=", "/q"}), "'' is not the name of a channel");
    EXPECT_EQ(option_fault({"--vm=a", "--channel=a,b", "/q"}),
              "'a,b' is not the name of a channel");
}

TEST(HelperOptionsTest, WhatTheVmWaitsFor) {
    const auto ready = [](const std::string &word) {
        return parse_helper_options({"--vm=a", word, "/q"})->ready;
    };
    EXPECT_EQ(ready("--agent").thing, Awaited::Thing::nothing);
    EXPECT_EQ(ready("--ready=agent").thing, Awaited::Thing::agent);
    EXPECT_EQ(ready("--ready=serial:a=b: ").thing, Awaited::Thing::console_line);
    EXPECT_EQ(ready("--ready=serial:a=b: ").expression, "a=b: ");
    EXPECT_EQ(ready("--ready=notify:42").thing, Awaited::Thing::notify);
    EXPECT_EQ(ready("--ready=notify:42").cid, 42u);
    for (const char *bad : {"notify:", "notify:x", "notify:4 2", "notify:4294967296"})
        EXPECT_EQ(option_fault({"--vm=a", "--ready=" + std::string(bad), "/q"}),
                  "--ready=" + std::string(bad) + ": not the CID of a guest");
    EXPECT_TRUE(parse_helper_options({"--vm=a", "--agent", "/q"})->agent);
    EXPECT_FALSE(parse_helper_options({"--vm=a", "--ready=agent", "/q"})->agent);
    for (const char *bad : {"", "started", "serial"})
        EXPECT_EQ(option_fault({"--vm=a", "--ready=" + std::string(bad), "/q"}),
                  "--ready=" + std::string(bad) + ": nothing that can be waited for");
}

TEST(HelperOptionsTest, HelpAndVersionNeedNothingElse) {
    EXPECT_EQ(parse_helper_options({"--help"})->mode, Mode::help);
    EXPECT_EQ(parse_helper_options({"-h", "--nonsense"})->mode, Mode::help);
    EXPECT_EQ(parse_helper_options({"--version"})->mode, Mode::version);
}

TEST(HelperOptionsTest, AVmHasAName) {
    EXPECT_EQ(option_fault({}), "--vm='' is not the name of a VM");
    EXPECT_EQ(option_fault({"/q"}), "--vm='' is not the name of a VM");
    EXPECT_EQ(option_fault({"--vm=a/b", "/q"}), "--vm='a/b' is not the name of a VM");
}

TEST(HelperOptionsTest, QemuIsGivenByItsAbsolutePath) {
    for (const Words &words : {Words{"--vm=a"}, Words{"--vm=a", "qemu"}, Words{"--vm=a", ""}})
        EXPECT_EQ(option_fault(words), "no QEMU program given, by its absolute path");
}

TEST(HelperOptionsTest, BrokenPorts) {
    EXPECT_EQ(option_fault({"--vm=a", "--serial=", "/q"}), "'' is not the name of a serial port");
    EXPECT_EQ(option_fault({"--vm=a", "--serial=a b", "/q"}),
              "'a b' is not the name of a serial port");
    EXPECT_EQ(option_fault({"--vm=a", "--serial=,direct", "/q"}),
              "'' is not the name of a serial port");
    EXPECT_EQ(option_fault({"--vm=a", "--serial=a,loud", "/q"}),
              "unknown flag 'loud' of a serial port");
    EXPECT_EQ(option_fault({"--vm=a", "--serial=a,", "/q"}), "unknown flag '' of a serial port");
    EXPECT_EQ(option_fault({"--vm=a", "--serial=a,direct,,nolog", "/q"}),
              "unknown flag '' of a serial port");
}

TEST(HelperOptionsTest, HowToStop) {
    const auto options =
        parse_helper_options({"--vm=a", "--stop=hibernate", "--stop-timeout=90", "/q"});
    ASSERT_TRUE(options);
    EXPECT_EQ(options->stop, StopMode::hibernate);
    EXPECT_EQ(options->stop_timeout_usec, 90'000'000u);
    EXPECT_EQ(option_fault({"--vm=a", "--stop=never", "/q"}), "'never' is no way to stop a VM");
    for (const char *bad : {"", "0", "-1", "1s"})
        EXPECT_EQ(option_fault({"--vm=a", "--stop-timeout=" + std::string(bad), "/q"}),
                  "'" + std::string(bad) + "' is not a number of seconds");
    EXPECT_EQ(parse_helper_options({"--vm=a", "--unplugged=lan", "--unplugged=b", "/q"})->unplugged,
              (std::vector<std::string>{"lan", "b"}));
    EXPECT_EQ(option_fault({"--vm=a", "--unplugged=a/b", "/q"}),
              "'a/b' is not the name of a network card");
    const auto needing =
        parse_helper_options({"--vm=a", "--needs=qemu-passt@a:lan.service,/run/a,b/sock", "/q"});
    ASSERT_TRUE(needing) << needing.error().message;
    ASSERT_EQ(needing->needs.size(), 1u);
    EXPECT_EQ(needing->needs[0].unit, "qemu-passt@a:lan.service");
    EXPECT_EQ(needing->needs[0].socket, "/run/a,b/sock");
    for (const char *bad : {"--needs=", "--needs=a", "--needs=a,", "--needs=,/a"})
        EXPECT_FALSE(parse_helper_options({"--vm=a", bad, "/q"})) << bad;
    EXPECT_EQ(parse_helper_options({"--vm=a", "--idle-timeout=60", "/q"})->idle_timeout_usec,
              60'000'000u);
    EXPECT_EQ(option_fault({"--vm=a", "--idle-timeout=0", "/q"}), "'0' is not a number of seconds");
}

TEST(HelperOptionsTest, UnknownOptions) {
    for (const char *word : {"--nonsense", "-", "--vm", "--", "--serial", "--channel",
                             "--check-kvm=yes", "--reads", "--uefi-variables", "--help=me"})
        EXPECT_EQ(option_fault({word, "--vm=a", "/q"}),
                  "unknown option '" + std::string(word) + "'; see --help");
}

}  // namespace
}  // namespace qemunit::helper
