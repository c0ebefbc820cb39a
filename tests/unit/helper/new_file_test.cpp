// SPDX-License-Identifier: MIT
//
// Files that come to be once and whole.
#include "helper/new_file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cerrno>

#include "tests/unit/random_text.h"
#include "tests/unit/temporary_folder.h"

namespace qemunit {
namespace {

using Contents = std::map<std::string, std::string>;

class NewFileTest : public ::testing::Test {
  protected:
    testing::TemporaryFolder folder;
};

TEST_F(NewFileTest, PublishMoves) {
    EXPECT_TRUE(publish(folder.write("a.new", "text"), folder / "a"));
    EXPECT_EQ(folder.contents(), (Contents{{"a", "text"}}));
}

TEST_F(NewFileTest, PublishReplacesNothing) {
    folder.write("empty", "");
    folder.link("link", "/gone");
    folder.make_folder("folder");
    folder.write("a.new", "text");
    for (const std::string name : {"empty", "link", "folder"}) {
        const auto published = publish(folder / "a.new", folder / name);
        ASSERT_FALSE(published);
        EXPECT_EQ(published.error().code, EEXIST);
        EXPECT_EQ(published.error().message, "cannot create " + (folder / name) + ": File exists");
    }
    EXPECT_EQ(folder.contents(),
              (Contents{{"a.new", "text"}, {"empty", ""}, {"link", "-> /gone"}}));
}

TEST_F(NewFileTest, PublishNeedsItsFile) {
    EXPECT_EQ(publish(folder / "gone", folder / "a").error().message,
              "cannot create " + (folder / "a") + ": No such file or directory");
}

TEST_F(NewFileTest, ACopyIsPrivateAndWhole) {
    testing::RandomText random(11);
    const std::string text = random.bytes(3'000'001);
    ASSERT_TRUE(copy_once(folder.write("from", text), folder / "to"));
    EXPECT_EQ(folder.read("to"), text);
    EXPECT_EQ(folder.contents().size(), 2u);
    struct stat info {};
    ASSERT_EQ(stat((folder / "to").c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 0777, 0600u);
}

TEST_F(NewFileTest, TheCopyThatIsThereStays) {
    for (const std::string text : {"changed by the guest", ""}) {
        folder.write("to", text);
        EXPECT_TRUE(copy_once(folder.write("from", "template"), folder / "to"));
        EXPECT_EQ(folder.read("to"), text);
        EXPECT_TRUE(copy_once(folder / "gone", folder / "to"));
    }
    EXPECT_EQ(folder.contents().size(), 2u);
}

TEST_F(NewFileTest, WhatACutShortCopyLeftIsReplaced) {
    folder.write("to.new", "half of something longer than the template");
    EXPECT_TRUE(copy_once(folder.write("from", "template"), folder / "to"));
    EXPECT_EQ(folder.contents(), (Contents{{"from", "template"}, {"to", "template"}}));
}

TEST_F(NewFileTest, WhatCannotBeCopied) {
    EXPECT_EQ(copy_once(folder / "gone", folder / "to").error().message,
              "cannot open " + (folder / "gone") + ": No such file or directory");
    EXPECT_EQ(copy_once(folder.write("from", ""), folder / "no/to").error().message,
              "cannot create " + (folder / "no/to.new") + ": No such file or directory");
}

}  // namespace
}  // namespace qemunit
