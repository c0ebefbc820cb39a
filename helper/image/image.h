// SPDX-License-Identifier: MIT
//
// Makes the disk images that Size= and BackingFile= ask for, with qemu-img(1). As root, in folders
// that others can change: it gives qemu-img their rights, and open files instead of names.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/result.h"

namespace qemunit::helper {

struct ImageOptions {
    enum class Mode { create, help, version } mode = Mode::create;
    std::string vm;
    std::string owner;
    std::string format;
    std::optional<uint64_t> size;  // bytes; without it, that of the backing file
    std::string backing_file, backing_format;
    bool backing_format_is_guessed = false;  // from its name
    std::string path;
};

Result<ImageOptions> parse_image_options(const std::vector<std::string> &arguments);
extern const char *const kImageHelp;

// Leaves an image that is there as it is.
Result<> create_image(const ImageOptions &options);

// For who makes a blank image: that there is one which may be meant. "" if there is none.
std::string advice_on_blank_image(const ImageOptions &options);

}  // namespace qemunit::helper
