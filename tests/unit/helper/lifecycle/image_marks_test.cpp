// SPDX-License-Identifier: MIT
#include "helper/lifecycle/image_marks.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "tests/unit/temporary_folder.h"

namespace qemunit::helper {
namespace {

using nlohmann::json;

ImageMarks written_at(int64_t seconds, uint32_t nanoseconds, uint64_t size = 512) {
    return {{"/a", {.size = size, .written = ImageMark::Time{seconds, nanoseconds}}}};
}

TEST(ImageMarks, WhatIsTheSame) {
    const ImageMarks saved = written_at(1'800'000'000, 5);
    EXPECT_EQ(changed_image(saved, saved), "");
    // tar and others keep whole seconds.
    EXPECT_EQ(changed_image(saved, written_at(1'800'000'000, 0)), "");
    // Of what is not in both, the hardware tells.
    EXPECT_EQ(changed_image(saved, {}), "");
    EXPECT_EQ(changed_image({}, saved), "");
    // An image that is only read may be copied as one likes.
    EXPECT_EQ(changed_image(saved, {{"/a", {.size = 512, .written = {}}}}), "");
}

TEST(ImageMarks, WhatWasChanged) {
    const ImageMarks saved = written_at(1'800'000'000, 5);
    EXPECT_EQ(changed_image(saved, written_at(1'800'000'001, 5)),
              "/a was changed since the state was saved: it was written at 2027-01-15 "
              "08:00:01.000000005 UTC, and by the guest last at 2027-01-15 08:00:00.000000005 UTC");
    EXPECT_NE(changed_image(saved, written_at(1'800'000'000, 6)), "");
    EXPECT_EQ(changed_image(saved, written_at(1'800'000'000, 5, 1024)),
              "/a was changed since the state was saved: it has 1024 bytes, and had 512");
}

TEST(ImageMarks, OfFiles) {
    testing::TemporaryFolder folder;
    folder.write("disk", "12345");
    folder.write("cd", "123");
    const timespec times[2] = {{}, {.tv_sec = 7, .tv_nsec = 8}};
    ASSERT_EQ(utimensat(AT_FDCWD, (folder / "disk").c_str(), times, 0), 0);
    ImageFiles files;
    const auto look = [&](const std::string &path, bool is_written) {
        files.push_back({path, is_written, UniqueFd(open(path.c_str(), O_PATH | O_CLOEXEC))});
    };
    look(folder / "disk", true);
    look(folder / "cd", false);
    look("/dev/null", true);
    EXPECT_EQ(marks_of(files),
              (ImageMarks{{folder / "disk", {.size = 5, .written = ImageMark::Time{7, 8}}},
                          {folder / "cd", {.size = 3, .written = {}}}}));
}

TEST(ImageMarks, AreReadAsTheyWereWritten) {
    ImageMarks marks = written_at(-1, 999'999'999, UINT64_MAX);
    marks["/b"] = {.size = 0, .written = {}};
    EXPECT_EQ(parse_image_marks(json::parse(image_marks_json(marks).dump())), marks);
    EXPECT_EQ(parse_image_marks(json()), ImageMarks());  // of an older state
    for (const char *text : {"[]", R"({"/a":1})", R"({"/a":[]})", R"({"/a":[-1]})",
                             R"({"/a":[1,2]})", R"({"/a":[1,"2",3]})", R"({"/a":[1,2,-3]})"})
        EXPECT_FALSE(parse_image_marks(json::parse(text))) << text;
}

}  // namespace
}  // namespace qemunit::helper
