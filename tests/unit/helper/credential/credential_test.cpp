// SPDX-License-Identifier: MIT
//
// Files that become credentials, and the ones that do not.
#include "helper/credential/credential.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/temporary_folder.h"

namespace qemunit::helper {
namespace {

using Words = std::vector<std::string>;
using Contents = std::map<std::string, std::string>;

TEST(CredentialOptionsTest, WhatTheGeneratorWrites) {
    const auto options = parse_credential_options({"--owner=joe", "a.b", "/srv/a b"});
    ASSERT_TRUE(options);
    EXPECT_EQ(options->owner, "joe");
    EXPECT_EQ(options->name, "a.b");
    EXPECT_EQ(options->path, "/srv/a b");
}

TEST(CredentialOptionsTest, WhatIsWrong) {
    const auto fault = [](const Words &words) {
        const auto parsed = parse_credential_options(words);
        return parsed ? "" : parsed.error().message;
    };
    const std::string needed =
        "the credential's name and a file's absolute path are needed; see --help";
    EXPECT_EQ(fault({"a", "/b"}), "");  // for a VM whose user does not exist yet
    EXPECT_EQ(fault({"--owner=x", "a"}), needed);
    EXPECT_EQ(fault({"--owner=x", "a", "b"}), needed);
    EXPECT_EQ(fault({"--owner=x", "../a", "/b"}), needed);
    EXPECT_EQ(fault({"--owner=x", "", "/b"}), needed);
    EXPECT_EQ(fault({"--nonsense", "a", "/b"}), "unknown option '--nonsense'; see --help");
}

TEST(TakeCredentialTest, OnlyWhatItsOwnerMayRead) {
    if (geteuid() != 0)
        GTEST_SKIP() << "only root has rights that others have not";
    const testing::TemporaryFolder folder;
    const std::string to = folder.make_folder("to");
    const auto take = [&](const std::string &name) {
        const auto taken =
            take_credential({.owner = "nobody", .name = name, .path = folder / name}, to);
        return taken ? "" : taken.error().message;
    };
    const std::string secret = folder.write("secret", "root's own");
    ASSERT_EQ(chmod(secret.c_str(), 0600), 0);
    folder.write("plain", "for all");
    folder.link("link", secret);
    folder.make_folder("folder");
    folder.write("large", std::string((1 << 20) + 1, 'x'));
    EXPECT_EQ(take("plain"), "");
    const std::string others =
        " as user 'nobody', since others than root can change where it leads: ";
    EXPECT_EQ(take("secret"), "cannot take credential 'secret': cannot open " + secret + others +
                                  "Permission denied");
    EXPECT_EQ(take("link"), "cannot take credential 'link': cannot open " + (folder / "link") +
                                others + "Permission denied");
    EXPECT_EQ(take("folder"),
              "cannot take credential 'folder': " + (folder / "folder") + " is not a file");
    EXPECT_EQ(take("large"), "cannot take credential 'large': " + (folder / "large") +
                                 ": it is larger than 1 MiB");
    EXPECT_EQ(folder.read("to/plain"), "for all");
    EXPECT_FALSE(folder.contents().contains("to/secret"));
    EXPECT_FALSE(folder.contents().contains("to/link"));
    struct stat status {};
    ASSERT_EQ(stat((to + "/plain").c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777, 0600u);
}

}  // namespace
}  // namespace qemunit::helper
