// SPDX-License-Identifier: MIT
//
// What one run of the generator leaves for the next.
#include "generator/running/records.h"

#include <gtest/gtest.h>

#include "tests/unit/temporary_folder.h"

namespace qemunit::generator {
namespace {

const Output kOutput{{{"a.service.d/50-qemunit.conf", "[Unit]\nA=1\n"}, {"b.d/x.conf", ""}},
                     {{"t.wants/a", "/lib/a"}}};

void expect_same(const Output &a, const Output &b) {
    EXPECT_EQ(text_of(a), text_of(b));
    EXPECT_EQ(a.files.size(), b.files.size());
    EXPECT_EQ(a.links.size(), b.links.size());
}

TEST(RecordsTest, AnOutputIsAText) {
    expect_same(output_of(text_of(kOutput)), kOutput);
    expect_same(output_of(text_of({})), {});
    EXPECT_EQ(text_of({}), "");
    EXPECT_EQ(output_of(text_of(kOutput)).files[1].path, "b.d/x.conf");
    EXPECT_EQ(output_of(text_of(kOutput)).links[0].target, "/lib/a");
}

TEST(RecordsTest, WhatIsKeptIsFound) {
    const testing::TemporaryFolder folder;
    const std::string path = folder / "run/records", text = text_of(kOutput);
    folder.make_folder(".");
    auto next = NextRun::create(path);
    ASSERT_TRUE(next) << next.error().message;
    next->add({"vm1", text, {}, {}});
    next->add({"vm2", text, "id", text_of({{}, {{"x", "y"}}})});
    next->add({"vm3", {}, "id", text});
    EXPECT_FALSE(LastRun::read(path)->find("vm1")) << "not before it is kept";
    ASSERT_TRUE(next->keep());
    const auto last = LastRun::read(path);
    EXPECT_FALSE(last->find("vm"));
    ASSERT_TRUE(last->find("vm1") && last->find("vm2") && last->find("vm3"));
    EXPECT_EQ(last->find("vm1")->now, text);
    EXPECT_EQ(last->find("vm1")->started, "");
    EXPECT_EQ(last->find("vm2")->invocation, "id");
    EXPECT_EQ(output_of(last->find("vm2")->started).links[0].path, "x");
    EXPECT_EQ(last->find("vm3")->now, "");
    EXPECT_EQ(last->find("vm3")->started, text);
}

TEST(RecordsTest, NothingIsReadOfAnythingElse) {
    const testing::TemporaryFolder folder;
    EXPECT_FALSE(LastRun::read(folder / "none")->find(""));
    const std::string other = folder.write("other", std::string("qemunit-generator 2\0a\0", 22));
    EXPECT_FALSE(LastRun::read(other)->find("a"));
    folder.link("link", other);
    EXPECT_FALSE(LastRun::read(folder / "link")->find("a"));
    EXPECT_FALSE(LastRun::read(folder.path())->find("a"));
}

// However a file is cut off, what was whole before is found, and nothing else.
TEST(RecordsTest, ACutOffFileHasFewerRecords) {
    const testing::TemporaryFolder folder;
    auto next = NextRun::create(folder / "records");
    ASSERT_TRUE(next);
    next->add({"vm1", text_of(kOutput), {}, {}});
    next->add({"vm2", text_of(kOutput), "id", text_of(kOutput)});
    ASSERT_TRUE(next->keep());
    const std::string whole = folder.read("records");
    for (std::size_t size = 0; size < whole.size(); ++size) {
        const LastRun last(whole.substr(0, size));
        EXPECT_FALSE(last.find("vm2")) << size;
        if (const Record *first = last.find("vm1"))
            expect_same(output_of(first->now), kOutput);
    }
    EXPECT_TRUE(LastRun(whole).find("vm2"));
}

TEST(RecordsTest, AFolderThatIsNotThereIsAnError) {
    const auto next = NextRun::create("/nowhere/at/all/records");
    ASSERT_FALSE(next);
    EXPECT_EQ(next.error().message, "cannot create /nowhere/at/all: No such file or directory");
}

}  // namespace
}  // namespace qemunit::generator
