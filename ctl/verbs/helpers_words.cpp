// SPDX-License-Identifier: MIT
#include "ctl/verbs/helpers_words.h"

#include <functional>
#include <string_view>

#include "common/helper_options.h"
#include "common/whole_number.h"
#include "ctl/verbs/drive_words.h"

namespace qemunit::ctl {

namespace {

DriveFiles drive_files(const std::vector<std::string> &exec_start) {
    using namespace helper_option;
    DriveFiles files;
    const auto drive_in = [](std::string_view value) {
        const std::string_view drive = behind_colons(value, 1);
        return std::string(drive.substr(0, drive.find(':')));
    };
    // The helper's options end where QEMU begins.
    for (std::size_t i = 1; i < exec_start.size() && exec_start[i].starts_with('-'); ++i) {
        const std::string_view value = value_of(exec_start[i]);
        if (takes_value(exec_start[i], kMade))
            files.made.emplace(value);
        else if (takes_value(exec_start[i], kBackingFile))
            files.layered.insert(drive_in(value));
        else if (takes_value(exec_start[i], kDriveFile)) {  // SET:DRIVE:ACCESS:FORMAT:PATH
            const std::string_view format = behind_colons(value, 3);
            if (format.substr(0, format.find(':')).ends_with(",guessed"))
                files.guessed.insert(drive_in(value));
        }
    }
    return files;
}

}  // namespace

HelpersWords helpers_words(const std::vector<std::string> &exec_start) {
    using namespace helper_option;
    HelpersWords words;
    words.files = drive_files(exec_start);
    std::map<std::string, uint64_t, std::less<>> sizes;  // by path
    // The helper's options end where QEMU begins.
    for (std::size_t i = 1; i < exec_start.size() && exec_start[i].starts_with('-'); ++i) {
        const std::string_view value = value_of(exec_start[i]);
        if (takes_value(exec_start[i], kUnplugged))
            words.unplugged.emplace_back(value);
        else if (takes_value(exec_start[i], kSized))  // BYTES:FORMAT:PATH
            if (const auto bytes = whole_number(value.substr(0, value.find(':'))))
                sizes.emplace(behind_colons(value, 2), *bytes);
    }
    for (std::size_t i = 1; i < exec_start.size() && exec_start[i].starts_with('-'); ++i)
        if (takes_value(exec_start[i], kDriveFile)) {  // SET:DRIVE:ACCESS:FORMAT:PATH
            const std::string_view value = value_of(exec_start[i]);
            if (const auto size = sizes.find(behind_colons(value, 4)); size != sizes.end()) {
                const std::string_view drive = behind_colons(value, 1);
                words.sizes.emplace(drive.substr(0, drive.find(':')), size->second);
            }
        }
    return words;
}

}  // namespace qemunit::ctl
