// SPDX-License-Identifier: MIT
//
// Files that come to be once and whole.
#include "common/files/new_file.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "tests/unit/random_text.h"
#include "tests/unit/temporary_folder.h"

namespace qemunit {
namespace {

using Contents = std::map<std::string, std::string>;

class NewFileTest : public ::testing::Test {
  protected:
    testing::TemporaryFolder folder;
    UniqueFd opened{open((folder / "").c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
};

TEST_F(NewFileTest, NobodySeesItBeforeItIsPublished) {
    auto file = NewFile::create(opened.get(), "a");
    ASSERT_TRUE(file) << file.error().message;
    EXPECT_EQ(write(file->fd(), "text", 4), 4);
    EXPECT_TRUE(folder.contents().empty());
    EXPECT_TRUE(file->publish());
    EXPECT_EQ(folder.contents(), (Contents{{"a", "text"}}));
}

TEST_F(NewFileTest, ItReplacesNothingAndLeavesNothing) {
    folder.write("empty", "");
    folder.link("link", "/gone");
    folder.make_folder("folder");
    for (const auto kind : {NewFile::Kind::nameless, NewFile::Kind::named})
        for (const std::string name : {"empty", "link", "folder"}) {
            auto file = NewFile::create(opened.get(), name, kind);
            ASSERT_TRUE(file) << file.error().message;
            const auto published = file->publish();
            ASSERT_FALSE(published);
            EXPECT_EQ(published.error().code, EEXIST);
            EXPECT_EQ(published.error().message, "cannot create " + name + ": File exists");
        }
    EXPECT_EQ(folder.contents(), (Contents{{"empty", ""}, {"link", "-> /gone"}}));
}

TEST_F(NewFileTest, WithANameItIsGoneIfItFails) {
    folder.link(".a.new", "/gone");  // of a run that was cut short, or somebody's trap
    {
        auto file = NewFile::create(opened.get(), "a", NewFile::Kind::named);
        ASSERT_TRUE(file) << file.error().message;
        EXPECT_EQ(folder.contents(), (Contents{{".a.new", ""}}));
    }
    EXPECT_TRUE(folder.contents().empty());
    auto file = NewFile::create(opened.get(), "a", NewFile::Kind::named);
    ASSERT_TRUE(file && file->publish());
    EXPECT_EQ(folder.contents(), (Contents{{"a", ""}}));
}

TEST_F(NewFileTest, ItReplacesWhatItIsToldTo) {
    const std::string other = folder.write("other", "stays");
    folder.link("a", other);
    const UniqueFd source(open(folder.write("from", "text").c_str(), O_RDONLY | O_CLOEXEC));
    auto file = NewFile::create(opened.get(), "a", NewFile::Kind::named);
    ASSERT_TRUE(file && file->fill_from(source.get()));
    EXPECT_TRUE(file->replace());
    EXPECT_EQ(folder.contents(), (Contents{{"a", "text"}, {"from", "text"}, {"other", "stays"}}));
    auto nameless = NewFile::create(opened.get(), "a");
    ASSERT_TRUE(nameless);
    EXPECT_FALSE(nameless->replace());
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
    folder.write(".to.new", "half of something longer than the template");
    EXPECT_TRUE(copy_once(folder.write("from", "template"), folder / "to"));
    EXPECT_EQ(folder.contents(), (Contents{{"from", "template"}, {"to", "template"}}));
}

TEST_F(NewFileTest, WhatCannotBeCopied) {
    EXPECT_EQ(copy_once(folder / "gone", folder / "to").error().message,
              "cannot open " + (folder / "gone") + ": No such file or directory");
    EXPECT_EQ(copy_once(folder.write("from", ""), folder / "no/to").error().message,
              "cannot create " + (folder / "no/to") + ": No such file or directory");
}

}  // namespace
}  // namespace qemunit
