// SPDX-License-Identifier: MIT
#include "helper/handover/drive_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <vector>

#include "common/vm_name.h"
#include "common/whole_number.h"

namespace qemunit::helper {

namespace {

constexpr std::string_view kGuessed = ",guessed";

// The parts before the path, which may hold colons of its own.
std::vector<std::string> split(std::string_view text, std::size_t parts) {
    std::vector<std::string> found;
    while (found.size() + 1 < parts && text.find(':') != text.npos) {
        found.emplace_back(text.substr(0, text.find(':')));
        text.remove_prefix(text.find(':') + 1);
    }
    found.emplace_back(text);
    return found;
}

Result<DriveFile> parse(std::string_view text, std::string_view key) {
    const bool is_backing = key != "File";
    const auto wrong = [&] {
        return fail(EINVAL, fmt::format("'{}' is not a file of a drive", text));
    };
    std::vector<std::string> parts = split(text, is_backing ? 4 : 5);
    if (is_backing)
        parts.insert(parts.begin() + std::min<std::ptrdiff_t>(2, std::ssize(parts)), "r");
    if (parts.size() != 5)
        return wrong();
    const auto set = whole_number<unsigned>(parts[0]);
    DriveFile file{.set = set.value_or(0),
                   .drive = parts[1],
                   .key = key,
                   .write = parts[2] == "rw",
                   .format = parts[3],
                   .format_is_guessed = parts[3].ends_with(kGuessed),
                   .path = parts[4]};
    if (file.format_is_guessed)
        file.format.resize(file.format.size() - kGuessed.size());
    if (!set || !is_device_name(file.drive) || (parts[2] != "r" && parts[2] != "rw") ||
        file.format.empty() || !file.path.starts_with('/'))
        return wrong();
    return file;
}

}  // namespace

Result<DriveFile> parse_drive_file(std::string_view text) {
    return parse(text, "File");
}

Result<DriveFile> parse_backing_file(std::string_view text) {
    return parse(text, "BackingFile");
}

Result<DriveFile> parse_backing_layer(std::string_view text) {
    return parse(text, "BackingLayer");
}

std::string stored_name(const DriveFile &file) {
    return fmt::format("qemunit-file-{}", file.set);
}

std::string key_of(const DriveFile &file) {
    return fmt::format("[Drive {}] {}={}", file.drive, file.key, file.path);
}

Error not_opened(const DriveFile &file, int code, std::string_view what_to_do) {
    std::string message = fmt::format("[Drive {}] {}=: Could not open '{}': {}", file.drive,
                                      file.key, file.path, std::strerror(code));
    if (!what_to_do.empty())
        message += fmt::format(". {}", what_to_do);
    return Error{code, std::move(message)};
}

}  // namespace qemunit::helper
