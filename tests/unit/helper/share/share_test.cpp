// SPDX-License-Identifier: MIT
//
// What qemunit-share is told, and tells virtiofsd. That it mounts the right folder, e2e has.
#include "helper/share/share.h"

#include <gtest/gtest.h>

#include "common/paths.h"

namespace qemunit::helper {
namespace {

using Words = std::vector<std::string>;

TEST(ShareOptionsTest, WhatTheGeneratorWrites) {
    const auto options =
        parse_share_options({"--read-only", "--special-files", "/srv/a b", "--", "-o", "xattr"});
    ASSERT_TRUE(options);
    EXPECT_TRUE(options->read_only);
    EXPECT_TRUE(options->special_files);
    EXPECT_EQ(options->path, "/srv/a b");
    EXPECT_EQ(options->further, (Words{"-o", "xattr"}));
    EXPECT_FALSE(parse_share_options({"/srv"})->special_files);
    EXPECT_EQ(parse_share_options({"--help"})->mode, ShareOptions::Mode::help);
    EXPECT_EQ(parse_share_options({"--version"})->mode, ShareOptions::Mode::version);
}

TEST(ShareOptionsTest, WhatIsWrong) {
    const auto fault = [](const Words &words) {
        const auto parsed = parse_share_options(words);
        return parsed ? "" : parsed.error().message;
    };
    EXPECT_EQ(fault({}), "one folder is needed, by its absolute path; see --help");
    EXPECT_EQ(fault({"srv"}), "one folder is needed, by its absolute path; see --help");
    EXPECT_EQ(fault({"--nonsense", "/srv"}), "unknown option '--nonsense'; see --help");
    EXPECT_EQ(fault({"/srv", "/home"}), "'/home' after the folder; see --help");
}

TEST(ShareOptionsTest, VirtiofsdAsksForNoMoreThanTheUnitLeaves) {
    const Words head{std::string(kVirtiofsdPath), "--fd=3", "-o",
                     "source=/run/qemunit-share", "-o",     "sandbox=chroot"};
    Words plain = head, all = head;
    plain.insert(plain.end(), {"-o", "modcaps=-mknod:-setfcap"});
    EXPECT_EQ(virtiofsd_command(*parse_share_options({"/srv"})), plain);
    all.push_back("--x");
    EXPECT_EQ(virtiofsd_command(*parse_share_options({"--special-files", "/srv", "--", "--x"})),
              all);
}

}  // namespace
}  // namespace qemunit::helper
