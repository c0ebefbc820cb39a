// SPDX-License-Identifier: MIT
#include "common/files/left_images.h"

#include <algorithm>
#include <filesystem>

#include "common/concat.h"
#include "common/vm_name.h"

namespace qemunit {

namespace fs = std::filesystem;

std::vector<std::string> left_images(const std::string &image, const std::string &vm,
                                     const std::vector<std::string> &config_dirs) {
    const fs::path path(image), folder = path.parent_path(), all = folder.parent_path();
    std::vector<std::string> found;
    if (folder.filename() != vm || all.filename() != "qemunit")
        return found;
    const auto is_configured = [&](const std::string &name) {
        return std::ranges::any_of(config_dirs, [&](const std::string &dir) {
            std::error_code error;
            return fs::exists(fs::symlink_status(fs::path(dir) / (name + ".ini"), error));
        });
    };
    std::error_code error;
    for (fs::directory_iterator entry(all, error), end; !error && entry != end;
         entry.increment(error)) {
        const std::string name = entry->path().filename();
        const fs::path candidate = entry->path() / path.filename();
        std::error_code none;
        if (name != vm && is_vm_name(name) &&
            fs::is_directory(fs::symlink_status(entry->path(), none)) &&
            fs::is_regular_file(fs::symlink_status(candidate, none)) && !is_configured(name))
            found.push_back(candidate);
    }
    std::ranges::sort(found);
    return found;
}

std::string left_image_advice(const std::string &image, const std::string &vm,
                              const std::vector<std::string> &config_dirs) {
    const auto left = left_images(image, vm, config_dirs);
    if (left.empty())
        return "";
    const fs::path first(left.front());
    const std::string old = first.parent_path().filename();
    return concat(image, " is made blank, but there is ", left.front(), ", and no VM '", old,
                  "' is configured any more. If '", vm,
                  "' is its new name, stop it and move what is in ", first.parent_path().native(),
                  " here.");
}

}  // namespace qemunit
