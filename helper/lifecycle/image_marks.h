// SPDX-License-Identifier: MIT
//
// What tells that an image is as a saved guest has left it: its size, and of one that the guest
// writes, when it was written last. Hibernation leaves these marks in the state, Loading compares
// them. A copy that keeps the times is as good as the image itself; a block device has no marks.
#pragma once

#include <nlohmann/json.hpp>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "common/unique_fd.h"

namespace qemunit::helper {

struct ImageFile {
    std::string path;
    bool is_written = false;  // the guest may
    UniqueFd fd;              // to look at it, not to read it
    std::string drive = {};
};
using ImageFiles = std::vector<ImageFile>;

struct ImageMark {
    struct Time {
        int64_t seconds = 0;
        uint32_t nanoseconds = 0;  // 0 also where who has copied the image knows none

        bool operator==(const Time &) const = default;
    };
    uint64_t size = 0;
    std::optional<Time> written;  // nothing if the guest only reads it

    bool operator==(const ImageMark &) const = default;
};
using ImageMarks = std::map<std::string, ImageMark>;  // by their paths

ImageMarks marks_of(const ImageFiles &images);

nlohmann::json image_marks_json(const ImageMarks &marks);
// No marks of null; nothing of what image_marks_json() has not made.
std::optional<ImageMarks> parse_image_marks(const nlohmann::json &marks);

// "/srv/a.raw was changed since the state was saved: …"; empty if none of those that are in both
// was.
std::string changed_image(const ImageMarks &saved, const ImageMarks &now);

}  // namespace qemunit::helper
