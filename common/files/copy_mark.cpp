// SPDX-License-Identifier: MIT
#include "common/files/copy_mark.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "common/files/folder_sync.h"
#include "common/paths.h"
#include "common/vm_name.h"
#include "common/whole_number.h"

namespace qemunit {

namespace {

constexpr std::string_view kImagesKey = "images=";

// "root" of "root:1:2:3"; the rest of `text` is what comes after the `end`.
std::string_view take_until(std::string_view &text, char end) {
    const std::size_t at = std::min(text.find(end), text.size());
    const std::string_view taken = text.substr(0, at);
    text.remove_prefix(std::min(at + 1, text.size()));
    return taken;
}

}  // namespace

std::string copied_images_text(const std::vector<CopiedImage> &images) {
    std::string text;
    for (const CopiedImage &image : images)
        text += fmt::format("{}{}:{}:{}:{}", text.empty() ? "" : ",", image.drive, image.device,
                            image.inode, image.born);
    return text;
}

std::vector<CopiedImage> parse_copied_images(std::string_view text) {
    std::vector<CopiedImage> images;
    while (!text.empty()) {
        std::string_view image = take_until(text, ',');
        const std::string_view drive = take_until(image, ':'), device = take_until(image, ':'),
                               inode = take_until(image, ':');
        const auto of_device = whole_number(device), of_inode = whole_number(inode),
                   born = whole_number(image);
        if (!is_device_name(drive) || !of_device || !of_inode || !born)
            return {};
        images.push_back({std::string(drive), *of_device, *of_inode, *born});
    }
    return images;
}

CopyMark::CopyMark(std::string state_dir)
    : path_(unfinished_copy_path_in(state_dir)), arrived_(std::move(state_dir)) {}

bool CopyMark::counts() const {
    if (faccessat(AT_FDCWD, path_.c_str(), F_OK, AT_SYMLINK_NOFOLLOW) != 0 && errno == ENOENT)
        return false;
    const auto copy = read();
    if (!copy)
        return true;
    const Arrival state = arrived_.state(copy->move.token);
    return state != Arrival::taken && state != Arrival::runs;
}

std::optional<UnfinishedCopy> CopyMark::read() const {
    const auto text = read_small_text(path_);
    const auto move = text ? parse_move(*text) : std::nullopt;
    if (!move)
        return std::nullopt;
    std::string_view rest(*text);
    rest.remove_prefix(move_text(*move).size());
    if (!rest.starts_with(kImagesKey) || !rest.ends_with('\n'))
        return std::nullopt;
    rest.remove_prefix(kImagesKey.size());
    rest.remove_suffix(1);
    return UnfinishedCopy{*move, parse_copied_images(rest)};
}

Result<> CopyMark::write(const UnfinishedCopy &copy) const {
    const std::string unfinished = path_ + ".new";
    auto written = write_new_text(
        unfinished,
        fmt::format("{}{}{}\n", move_text(copy.move), kImagesKey, copied_images_text(copy.images)));
    return written ? rename_durably(unfinished, path_) : written;
}

Result<> CopyMark::remove() const {
    if (unlink(path_.c_str()) == 0)
        return sync_folder_of(path_);
    // One that a power failure brings back counts no more.
    return errno == ENOENT ? Result<>() : fail_errno(errno, "cannot remove " + path_);
}

}  // namespace qemunit
