// SPDX-License-Identifier: MIT
#include "ctl/verbs/drive_words.h"

#include <algorithm>
#include <functional>
#include <utility>

#include "common/concat.h"
#include "common/helper_options.h"
#include "common/whole_number.h"

namespace qemunit::ctl {

namespace {

constexpr std::string_view kFile = "file.filename=";
constexpr std::string_view kSetFolder = "/dev/fdset/";

std::string join_parts(const std::vector<std::string> &parts) {
    std::string value;
    for (const std::string &part : parts) {
        if (!value.empty())
            value += ',';
        for (const char c : part)
            value.append(c == ',' ? 2 : 1, c);
    }
    return value;
}

constexpr std::string_view kLimits = "throttling.";
constexpr std::pair<std::string_view, const char *> kNamesOfLimits[] = {
    {"bps-total=", "bps"},   {"bps-read=", "bps_rd"},   {"bps-write=", "bps_wr"},
    {"iops-total=", "iops"}, {"iops-read=", "iops_rd"}, {"iops-write=", "iops_wr"}};

// Of each -drive that is not the firmware's.
void change_drives(std::vector<std::string> &command,
                   const std::function<void(std::vector<std::string> &)> &change) {
    for (std::size_t i = 1; i < command.size(); ++i)
        if (command[i - 1] == "-drive" &&
            (command[i].starts_with("if=none,") || command[i].starts_with("if=sd,"))) {
            std::vector<std::string> parts = split_parts(command[i]);
            change(parts);
            command[i] = join_parts(parts);
        }
}

std::string value_in(const std::vector<std::string> &parts, std::string_view key) {
    for (const std::string &part : parts)
        if (part.starts_with(key))
            return part.substr(key.size());
    return {};
}

}  // namespace

std::string_view behind_colons(std::string_view text, unsigned count) {
    for (; count > 0; --count)
        text.remove_prefix(std::min(text.find(':'), text.size() - 1) + 1);
    return text;
}

std::vector<std::string> split_parts(std::string_view value) {
    std::vector<std::string> parts(1);
    for (std::size_t i = 0; i < value.size(); ++i) {
        if (value[i] != ',')
            parts.back() += value[i];
        else if (i + 1 < value.size() && value[i + 1] == ',')
            parts.back() += value[i++];
        else
            parts.emplace_back();
    }
    return parts;
}

FilesOfSets files_of_helper(const std::vector<std::string> &exec_start) {
    using namespace helper_option;
    FilesOfSets files;
    // The helper's options end where QEMU begins.
    for (std::size_t i = 1; i < exec_start.size() && exec_start[i].starts_with('-'); ++i)
        if (takes_value(exec_start[i], kDriveFile)) {
            const std::string_view value = value_of(exec_start[i]);
            files[concat(kSetFolder, value.substr(0, value.find(':')))] =
                behind_colons(value, 4);  // SET:DRIVE:ACCESS:FORMAT:PATH
        }
    return files;
}

FilesOfSets files_of_qemu(const std::vector<std::string> &command) {
    FilesOfSets files;
    for (std::size_t i = 1; i < command.size(); ++i)
        if (command[i - 1] == "-add-fd") {
            const auto parts = split_parts(command[i]);
            const std::string set = value_in(parts, "set="), label = value_in(parts, "opaque=");
            if (label.starts_with("qemunit-medium:"))
                files[concat(kSetFolder, set)] = behind_colons(label, 2);
        }
    return files;
}

void name_files(std::vector<std::string> &command, const FilesOfSets &files) {
    change_drives(command, [&](std::vector<std::string> &parts) {
        for (std::string &part : parts)
            if (part.starts_with(kFile))
                if (const auto file = files.find(part.substr(kFile.size())); file != files.end())
                    part = concat(kFile, file->second);
    });
}

void leave_out_nodes(std::vector<std::string> &command) {
    constexpr std::string_view kLeftOut[] = {
        "node-name=", "file.node-name=", "file.driver=", "backing.", "auto-read-only="};
    change_drives(command, [&](std::vector<std::string> &parts) {
        std::erase_if(parts, [&](const std::string &part) {
            return std::ranges::any_of(kLeftOut, [&](auto key) { return part.starts_with(key); });
        });
        for (std::string &part : parts)
            if (part.starts_with("file="))
                part.insert(4, ".filename");
    });
}

std::map<std::string, DriveLimits> take_limits(std::vector<std::string> &command) {
    std::map<std::string, DriveLimits> limits;
    change_drives(command, [&](std::vector<std::string> &parts) {
        const std::string drive = value_in(parts, "id=");
        if (drive.empty())
            return;
        for (const auto &[word, name] : kNamesOfLimits) {
            const std::string key = concat(kLimits, word);
            limits[drive][name] = whole_number(value_in(parts, key)).value_or(0);
            std::erase_if(parts, [&](const std::string &part) { return part.starts_with(key); });
        }
    });
    return limits;
}

void leave_out_taps(std::vector<std::string> &command) {
    for (std::size_t i = 1; i < command.size(); ++i)
        if (command[i - 1] == "-netdev" && command[i].starts_with("tap,id="))
            command[i].resize(std::min(command[i].find(',', 7), command[i].size()));
}

}  // namespace qemunit::ctl
