// SPDX-License-Identifier: MIT
//
// What a disk image is by its content, and what to say if the ini says something else. For
// qemunit-helper and qemunit-image before QEMU opens the image, and for `qemunitctl check`.
// Decides no format: a guest that owns a raw disk can write the beginning of another format into
// it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "common/unique_fd.h"

namespace qemunit {

// Opens the image for reading if it is a file or a block device and this process may read it. Never
// waits.
UniqueFd open_image(const std::string &path);

// "qcow2", "vmdk", …, in QEMU's words; "" if the file has the mark of no format, as raw images.
std::string format_by_content(int image);
// The size that the guest sees, of raw and qcow2 images.
std::optional<uint64_t> size_by_content(int image, std::string_view format);

// What a qcow2 image says itself about its backing file; "" if it has none.
struct BackingFile {
    std::string path, format;
};
BackingFile backing_by_content(int image);
// Whether a qcow2 image has the guest's data in another file, which it names.
bool has_external_data(int image);

// These return "" if there is nothing to say, also where the file is missing or may not be read.
//
// `guessed`: the format that goes by the file's name. `key`: "Format", "BackingFormat".
std::string wrong_guess(const std::string &path, std::string_view guessed, std::string_view key);
// The same for an image that is open.
std::string wrong_guess(int image, std::string_view path, std::string_view guessed,
                        std::string_view key);
// `size`: of Size=.
std::string other_size(const std::string &path, std::string_view format, uint64_t size);
std::string other_size(int image, std::string_view path, std::string_view format, uint64_t size);
// For a layer whose backing file has another format than the layer says.
std::string wrong_backing(const std::string &layer);

// "20G", as Size= has it.
std::string disk_size_text(uint64_t bytes);

}  // namespace qemunit
