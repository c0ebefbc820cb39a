// SPDX-License-Identifier: MIT
//
// Shared folders and credentials, in the exact words of each message.
#include <gtest/gtest.h>

#include "tests/unit/generator/from_ini.h"

namespace qemunit::generator {
namespace {

using testing::error;
using testing::said;
using testing::Texts;

TEST(ShareContradictionsTest, AFolderThatIsShared) {
    EXPECT_EQ(said("[VM]\n[Share src]\nReadOnly=yes\n"),
              error(2, "Section [Share src] has no Path=: which folder is it?"));
    EXPECT_EQ(said("[Share src]\nPath=/a\nType=vfat\nTag=x\n"),
              error(4, "Tag= is not for Type=vfat, which the guest sees as a disk."));
    EXPECT_EQ(said("[Share a]\nPath=/a\n[Share b]\nPath=/b\nType=virtiofs\nTag=a\n"),
              error(6, "The tag a is taken by section [Share a]."));
    const auto tag = [](const std::string &type, std::size_t length) {
        return said("[Share s]\nPath=/a\nType=" + type + "\nTag=" + std::string(length, 't') +
                    "\n");
    };
    EXPECT_EQ(tag("9p", 31), Texts{});
    EXPECT_EQ(tag("9p", 32),
              error(4, "Tag=" + std::string(32, 't') + ": longer than 31 characters."));
    EXPECT_EQ(tag("virtiofs", 36), Texts{});
    EXPECT_EQ(tag("virtiofs", 37),
              error(4, "Tag=" + std::string(37, 't') + ": longer than 36 characters."));
}

TEST(ShareContradictionsTest, AGuestHasOneRoot) {
    const std::string boot = "[Boot]\nKernel=/k\n";
    EXPECT_EQ(said("[Share r]\nPath=/r\nRoot=yes\n"),
              error(3, "Root= needs Kernel= in [Boot]: firmware cannot boot from a folder."));
    EXPECT_EQ(said(boot + "[Share r]\nPath=/r\nType=vfat\nRoot=yes\n"),
              error(6, "Root= needs Type=9p or Type=virtiofs."));
    EXPECT_EQ(said(boot + "[Share r]\nPath=/r\nRoot=yes\n[Share s]\nPath=/s\nRoot=yes\n"),
              error(8, "A guest has one root file system; another share has Root=yes."));
    EXPECT_EQ(said(boot + "[Share r]\nPath=/r\nRoot=yes\n[Share s]\nPath=/s\n"), Texts{});
    EXPECT_EQ(
        said("[Share r]\nPath=/r\nSpecialFiles=yes\n"),
        error(3, "SpecialFiles= needs Type=virtiofs: with the others, QEMU's user owns all."));
    EXPECT_EQ(said("[Share r]\nPath=/r\nType=virtiofs\nReadOnly=yes\nSpecialFiles=yes\n"),
              error(5, "SpecialFiles=yes and ReadOnly=yes contradict each other."));
}

TEST(ShareContradictionsTest, ACredentialComesFromSomewhere) {
    EXPECT_EQ(said("[VM]\n[Credential a]\n"),
              error(2,
                    "Section [Credential a] has no File= and no Text=, and [Service] has no "
                    "LoadCredential=a."));
    EXPECT_EQ(said("[Credential a]\n[Service]\nLoadCredential=ab:/x\n").size(), 1u);
    for (const char *setting :
         {"LoadCredential=a:/x", "LoadCredentialEncrypted=a:/x", "SetCredential=a:x",
          "SetCredentialEncrypted=a:eA==", "LoadCredential=a"})
        EXPECT_EQ(said("[Credential a]\n[Service]\n" + std::string(setting) + "\n"), Texts{});
    EXPECT_EQ(said("[Credential a]\nFile=/x\nText=y\n"),
              error(3, "File= and Text= both say what the credential is; use one."));
    EXPECT_EQ(said("[Credential a]\nFile=/x\\\n"),
              error(2, "The credential's file must not end with a backslash."));
}

TEST(ShareContradictionsTest, ACredentialsNameFitsFwCfg) {
    EXPECT_EQ(said("[Credential " + std::string(28, 'c') + "]\nText=x\n"), Texts{});
    EXPECT_EQ(said("[Credential " + std::string(29, 'c') + "]\nText=x\n"),
              error(1, "The name '" + std::string(29, 'c') +
                           "' is longer than 28 characters, which is all that QEMU's fw_cfg has "
                           "room for."));
}

}  // namespace
}  // namespace qemunit::generator
