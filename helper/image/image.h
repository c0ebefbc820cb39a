// SPDX-License-Identifier: MIT
//
// Makes the disk images that Size= and BackingFile= ask for, with qemu-img(1). Runs as root, in
// folders that others can change: qemu-img gets the rights of these others, and open files instead
// of names.
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
    bool has_dynamic_user = false;  // the VM's user exists only while the VM runs
    std::string format;
    std::optional<uint64_t> size;  // bytes; without it, that of the backing file
    std::string backing_file, backing_format;
    bool backing_format_is_guessed = false;  // from its name
    std::string path;
};

Result<ImageOptions> parse_image_options(const std::vector<std::string> &arguments);
std::string image_help();

// Changes nothing if the image is there.
Result<> create_image(const ImageOptions &options);

// A note for somebody who gets a blank image although another one is there which may be meant; ""
// if there is none.
std::string advice_on_blank_image(const ImageOptions &options);

}  // namespace qemunit::helper
