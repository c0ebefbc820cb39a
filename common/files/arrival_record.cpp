// SPDX-License-Identifier: MIT
#include "common/files/arrival_record.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <vector>

#include "common/files/folder_sync.h"
#include "common/paths.h"

namespace qemunit {

namespace {

namespace fs = std::filesystem;

// Nobody asks for a move any more after that many others. An answer that is forgotten is none.
constexpr std::size_t kMostArrivals = 32;

constexpr std::string_view kForgettable[] = {".coming", ".refused"};

std::string_view suffix_of(Arrival state) {
    switch (state) {
        case Arrival::coming:
            return ".coming";
        case Arrival::taken:
            return ".taken";
        case Arrival::runs:
            return ".runs";
        default:
            return ".refused";
    }
}

bool is_forgettable(std::string_view name) {
    return std::ranges::any_of(kForgettable,
                               [&](std::string_view end) { return name.ends_with(end); });
}

// Those of all moves. Fails unless all can be seen; no folder is no record.
Result<std::vector<fs::path>> records_in(const std::string &state_dir) {
    std::vector<fs::path> found;
    std::error_code error;
    fs::directory_iterator entries(state_dir, error);
    for (; !error && entries != fs::directory_iterator(); entries.increment(error))
        if (const std::string name = entries->path().filename();
            name.starts_with(fs::path(moved_in_path_in("")).filename().string() + "."))
            found.push_back(entries->path());
    if (error && error.value() != ENOENT)
        return fail_errno(error.value(), "cannot read the folder " + state_dir);
    return found;
}

}  // namespace

std::string ArrivalRecord::path_of(std::string_view token, Arrival state) const {
    return fmt::format("{}.{}{}", moved_in_path_in(state_dir_), token, suffix_of(state));
}

// In the order of the steps, so that a file which is renamed meanwhile is seen all the same.
Arrival ArrivalRecord::state(std::string_view token) const {
    if (!is_move_token(token))
        return Arrival::unknown;
    for (const Arrival state : {Arrival::coming, Arrival::taken, Arrival::runs, Arrival::refused}) {
        if (faccessat(AT_FDCWD, path_of(token, state).c_str(), F_OK, AT_SYMLINK_NOFOLLOW) == 0)
            return state;
        if (errno != ENOENT)
            return Arrival::unknown;
    }
    return Arrival::none;
}

Result<> ArrivalRecord::expect(const Move &move) const {
    switch (state(move.token)) {
        case Arrival::none:
            break;
        case Arrival::coming:
            return sync_folder_of(path_of(move.token, Arrival::coming));
        default:
            return fail(EEXIST, "this move has been decided already, or nobody can tell");
    }
    if (auto forgotten = forget_oldest(); !forgotten)
        return forgotten;
    const MoveRecord record(moved_in_path_in(state_dir_));
    if (auto prepared = record.prepare(move); !prepared)
        return prepared;
    return rename_durably(record.unfinished(), path_of(move.token, Arrival::coming));
}

Result<> ArrivalRecord::take(std::string_view token) const {
    return step(token, Arrival::coming, Arrival::taken);
}

Result<> ArrivalRecord::confirm(std::string_view token) const {
    return step(token, Arrival::taken, Arrival::runs);
}

Result<> ArrivalRecord::revoke(std::string_view token) const {
    return step(token, Arrival::coming, Arrival::refused);
}

Result<> ArrivalRecord::give_back(std::string_view token) const {
    return step(token, Arrival::taken, Arrival::refused);
}

Result<> ArrivalRecord::step(std::string_view token, Arrival from, Arrival to) const {
    if (!is_move_token(token))
        return fail(EINVAL, "not a token of a move");
    auto renamed = rename_durably(path_of(token, from), path_of(token, to));
    if (renamed || renamed.error().code != ENOENT || state(token) != to)
        return renamed;
    // Whoever has renamed it may have been killed before it could sync the folder.
    return sync_folder_of(path_of(token, to));
}

Result<> ArrivalRecord::forget_others(std::string_view but) const {
    const auto records = records_in(state_dir_);
    if (!records)
        return std::unexpected(records.error());
    bool has_removed = false;
    for (const fs::path &record : *records) {
        const std::string name = record.filename();
        if (!is_forgettable(name) || (!but.empty() && name.find(but) != name.npos))
            continue;
        if (unlink(record.c_str()) != 0 && errno != ENOENT)
            return fail_errno(errno, "cannot remove " + record.string());
        has_removed = true;
    }
    return has_removed ? sync_folder_of(moved_in_path_in(state_dir_)) : Result<>();
}

Result<> ArrivalRecord::forget_oldest() const {
    auto records = records_in(state_dir_);
    if (!records)
        return std::unexpected(records.error());
    if (records->size() < kMostArrivals)
        return {};
    std::error_code ignored;
    std::ranges::sort(*records, {},
                      [&](const fs::path &record) { return fs::last_write_time(record, ignored); });
    for (std::size_t i = 0; i + kMostArrivals / 2 < records->size(); ++i)
        unlink((*records)[i].c_str());
    return {};
}

}  // namespace qemunit
