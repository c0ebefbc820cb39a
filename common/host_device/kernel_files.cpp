// SPDX-License-Identifier: MIT
#include "common/host_device/kernel_files.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>

namespace qemunit {

std::string kernel_text(const std::string &path) {
    std::ifstream file(path);
    std::string text{std::istreambuf_iterator<char>(file), {}};
    while (text.ends_with('\n'))
        text.pop_back();
    return text;
}

std::string link_name(const std::string &path) {
    std::error_code error;
    return std::filesystem::read_symlink(path, error).filename();
}

std::vector<std::string> names_in(const std::string &folder) {
    std::vector<std::string> names;
    std::error_code error;
    for (std::filesystem::directory_iterator entry(folder, error), end; !error && entry != end;
         entry.increment(error))
        names.push_back(entry->path().filename());
    std::ranges::sort(names);
    return names;
}

}  // namespace qemunit
