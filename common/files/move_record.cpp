// SPDX-License-Identifier: MIT
#include "common/files/move_record.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>

#include "common/files/folder_sync.h"

namespace qemunit {

namespace {

constexpr std::size_t kMoveWordMax = 255;
constexpr std::size_t kTokenLength = 32;

// "token=" of "token=…\n"; the rest of `text` is what comes after that.
std::optional<std::string> take_line(std::string_view &text, std::string_view key) {
    const std::size_t end = text.find('\n');
    if (!text.starts_with(key) || end == text.npos)
        return std::nullopt;
    std::string value(text.substr(key.size(), end - key.size()));
    text.remove_prefix(end + 1);
    return value;
}

}  // namespace

bool is_move_token(std::string_view text) {
    return text.size() == kTokenLength && std::ranges::all_of(text, [](char c) {
               return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
           });
}

bool is_move_word(std::string_view text) {
    return !text.empty() && text.size() <= kMoveWordMax &&
           std::ranges::all_of(text, [](char c) { return c > ' ' && c < '\x7f'; });
}

std::string move_text(const Move &move) {
    return fmt::format("token={}\nhost={}\nvm={}\n", move.token, move.host, move.vm);
}

std::optional<Move> parse_move(std::string_view text) {
    const auto token = take_line(text, "token="), host = take_line(text, "host="),
               vm = take_line(text, "vm=");
    if (!token || !host || !vm || !is_move_token(*token) || !is_move_word(*host) ||
        !is_move_word(*vm))
        return std::nullopt;
    return Move{*token, *host, *vm};
}

std::string incoming_line(const Move &move, std::string_view machine, std::string_view accelerator,
                          std::string_view copies) {
    return fmt::format("{} {} {} {} {}{}{}\n", move.token, move.vm, move.host, machine, accelerator,
                       copies.empty() ? "" : " ", copies);
}

bool MoveRecord::exists() const {
    return faccessat(AT_FDCWD, path_.c_str(), F_OK, AT_SYMLINK_NOFOLLOW) == 0 || errno != ENOENT;
}

std::optional<Move> MoveRecord::read() const {
    const auto text = read_small_text(path_);
    return text ? parse_move(*text) : std::nullopt;
}

Result<> MoveRecord::prepare(const Move &move) const {
    return write_new_text(unfinished(), move_text(move));
}

Result<> MoveRecord::commit() const {
    auto renamed = rename_durably(unfinished(), path_);
    if (renamed || renamed.error().code != ENOENT || !exists())
        return renamed;
    // A companion that was killed may have renamed the file, and not have synced the folder.
    return sync_folder_of(path_);
}

Result<> MoveRecord::remove() const {
    unlink(unfinished().c_str());
    if (unlink(path_.c_str()) != 0 && errno != ENOENT)
        return fail_errno(errno, "cannot remove " + path_);
    return sync_folder_of(path_);
}

Result<> MoveRecord::set_aside() const {
    auto renamed = rename_durably(path_, aside());
    return renamed || renamed.error().code != ENOENT ? renamed : sync_folder_of(path_);
}

Result<> MoveRecord::restore() const {
    auto renamed = rename_durably(aside(), path_);
    return renamed || renamed.error().code != ENOENT ? renamed : sync_folder_of(path_);
}

Result<> MoveRecord::forget() const {
    if (unlink(aside().c_str()) != 0 && errno != ENOENT)
        return fail_errno(errno, "cannot remove " + aside());
    return sync_folder_of(path_);
}

}  // namespace qemunit
