// SPDX-License-Identifier: MIT
#include "ctl/new/image_users.h"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string_view>

#include "common/ascii.h"

namespace qemunit::ctl {

namespace {

namespace fs = std::filesystem;

std::string_view without_space(std::string_view text) {
    while (text.starts_with(' ') || text.starts_with('\t'))
        text.remove_prefix(1);
    while (text.ends_with(' ') || text.ends_with('\t') || text.ends_with('\r'))
        text.remove_suffix(1);
    return text;
}

bool is_yes(std::string_view value) {
    const std::string word = to_lower(value);
    return word == "yes" || word == "y" || word == "true" || word == "t" || word == "on" ||
           word == "1";
}

}  // namespace

std::vector<std::string> written_files(const std::string &ini) {
    std::vector<std::string> files;
    std::istringstream lines(ini);
    std::string file;
    bool is_drive = false, is_only_read = false;
    const auto end_drive = [&] {
        if (is_drive && !file.empty() && !is_only_read)
            files.push_back(file);
        file.clear();
        is_only_read = false;
    };
    for (std::string line; std::getline(lines, line);) {
        const std::string_view text = without_space(line);
        if (text.starts_with('[')) {
            end_drive();
            is_drive = text.starts_with("[Drive ");
            continue;
        }
        const std::size_t equals = text.find('=');
        if (equals == text.npos || !is_drive)
            continue;
        const std::string_view key = without_space(text.substr(0, equals)),
                               value = without_space(text.substr(equals + 1));
        if (key == "File")
            file = value;
        else if (key == "ReadOnly" || key == "Ephemeral")
            is_only_read = is_yes(value);
        else if (key == "Media" && value == "cdrom")
            is_only_read = true;
    }
    end_drive();
    return files;
}

std::string writer_of(const std::string &image, const std::vector<std::string> &config_dirs,
                      const std::string &state) {
    for (const std::string &dir : config_dirs) {
        std::error_code error;
        for (fs::directory_iterator entry(dir, error), end; !error && entry != end;
             entry.increment(error)) {
            if (entry->path().extension() != ".ini")
                continue;
            const std::string vm = entry->path().stem();
            std::ifstream text(entry->path());
            const std::string ini{std::istreambuf_iterator<char>(text), {}};
            for (const std::string &file : written_files(ini)) {
                std::error_code none;
                // A relative path begins in the VM's own state directory.
                const fs::path path = fs::path(state).parent_path() / vm / file;
                if (fs::equivalent(path, image, none))
                    return vm;
            }
        }
    }
    return "";
}

}  // namespace qemunit::ctl
