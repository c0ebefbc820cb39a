// SPDX-License-Identifier: MIT
#include "helper/start/image_checks.h"

#include <cerrno>

#include "common/files/disk_image.h"

namespace qemunit::helper {

Result<> check_formats(const std::vector<GuessedFormat> &images) {
    for (const auto &[format, path] : images)
        if (const std::string fault = wrong_guess(path, format, "Format"); !fault.empty())
            return fail(EINVAL, fault);
    return {};
}

std::vector<std::string> image_notes(const HelperOptions &options) {
    std::vector<std::string> notes;
    const auto add = [&](std::string note) {
        if (!note.empty())
            notes.push_back(std::move(note));
    };
    for (const auto &[size, format, path] : options.sized)
        add(other_size(path, format, size));
    for (const std::string &path : options.layers)
        add(wrong_backing(path));
    return notes;
}

}  // namespace qemunit::helper
