// SPDX-License-Identifier: MIT
#include "ctl/backup/store.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <set>
#include <tuple>

#include "common/files/free_name.h"
#include "common/files/new_file.h"
#include "ctl/backup/backup_tool.h"
#include "ctl/vms/folder_tree.h"

namespace qemunit::ctl {

namespace {

namespace fs = std::filesystem;

constexpr std::string_view kMaking = ".making-", kRemoving = ".removing-";
constexpr off_t kManifestMost = 16 << 20;

bool stays(const struct stat &) {
    return false;
}

Result<std::string> read_text(int file) {
    struct stat info {};
    if (fstat(file, &info) != 0 || !S_ISREG(info.st_mode) || info.st_size > kManifestMost)
        return fail(EINVAL, "it is no manifest");
    std::string text(static_cast<std::size_t>(info.st_size), '\0');
    std::size_t at = 0;
    while (at < text.size()) {
        const ssize_t n = pread(file, text.data() + at, text.size() - at, static_cast<off_t>(at));
        if (n <= 0)
            return fail_errno(n < 0 ? errno : EIO, "it cannot be read");
        at += static_cast<std::size_t>(n);
    }
    return text;
}

Result<> write_whole(int file, std::string_view text) {
    while (!text.empty()) {
        const ssize_t n = write(file, text.data(), text.size());
        if (n < 0 && errno != EINTR)
            return fail_errno(errno, "cannot write it");
        text.remove_prefix(n > 0 ? static_cast<std::size_t>(n) : 0);
    }
    return {};
}

// With its sum.
Result<std::pair<Manifest, std::string>> read_manifest(int folder, const std::string &name) {
    const auto inner = open_beneath(folder, name, O_RDONLY | O_DIRECTORY);
    if (!inner)
        return std::unexpected(inner.error());
    const auto file = open_beneath(inner->get(), kManifestName, O_RDONLY);
    if (!file)
        return std::unexpected(file.error());
    const auto text = read_text(file->get());
    if (!text)
        return std::unexpected(text.error());
    auto manifest = parse_manifest(*text);
    const auto sum = sum_of(file->get());
    if (!manifest || !sum)
        return std::unexpected((manifest ? sum.error() : manifest.error()));
    if (manifest->checkpoint != name)
        return fail(EINVAL, fmt::format("it is the manifest of '{}'", manifest->checkpoint));
    return std::pair(std::move(*manifest), sum->sha256);
}

StoredBackup read_backup(int folder, const std::string &name) {
    StoredBackup backup{.name = name, .manifest = {}, .sha256 = {}, .fault = {}};
    auto manifest = read_manifest(folder, name);
    if (manifest)
        std::tie(backup.manifest, backup.sha256) = std::move(*manifest);
    else
        backup.fault = fmt::format("{}/{}: {}", name, kManifestName, manifest.error().message);
    return backup;
}

}  // namespace

Result<BackupStore> BackupStore::open(const std::string &path, Use use) {
    std::error_code error;
    const std::string whole = fs::absolute(path, error).lexically_normal();
    if (use == Use::change && mkdir(whole.c_str(), S_IRWXU) != 0 && errno != EEXIST)
        return fail_errno(errno, "cannot make the folder " + whole);
    auto folder = open_folder(whole);
    if (!folder)
        return std::unexpected(folder.error());
    BackupStore store(whole, std::move(*folder));
    if (use == Use::change) {
        if (flock(store.folder_.get(), LOCK_EX | LOCK_NB) != 0)
            return fail(EBUSY, fmt::format("{}: another backup is being made there", whole));
        for (fs::directory_iterator entry(whole, error), end; !error && entry != end;
             entry.increment(error)) {
            const std::string name = entry->path().filename();
            if (name.starts_with(kMaking) || name.starts_with(kRemoving))
                if (auto removed = remove_tree(entry->path(), stays); !removed)
                    return std::unexpected(removed.error());
        }
    }
    if (auto done = store.read(); !done)
        return std::unexpected(done.error());
    return store;
}

Result<> BackupStore::read() {
    const auto entries = entries_of(folder_.get());
    if (!entries)
        return fail(entries.error().code, fmt::format("{}: {}", path_, entries.error().message));
    for (const TreeEntry &entry : *entries)
        if (S_ISDIR(entry.info.st_mode) && is_plain_name(entry.name))
            backups_.push_back(read_backup(folder_.get(), entry.name));
    return {};
}

Result<BackupChain> BackupStore::chain_of(const StoredBackup &backup) const {
    BackupChain chain{&backup};
    while (chain.front()->fault.empty() && !chain.front()->manifest.since.empty()) {
        const Manifest &its = chain.front()->manifest;
        const auto found = std::ranges::find(backups_, its.since, &StoredBackup::name);
        if (found == backups_.end())
            return fail(ENOENT, fmt::format("{}/{} is made on {}, which is not there", path_,
                                            its.checkpoint, its.since));
        if (found->sha256 != its.since_sha256 && found->fault.empty())
            return fail(EINVAL, fmt::format("{}/{} is made on {}, which is another one now", path_,
                                            its.checkpoint, its.since));
        if (chain.size() > backups_.size())
            return fail(ELOOP, fmt::format("{}/{} is made on itself", path_, backup.name));
        chain.insert(chain.begin(), &*found);
    }
    if (!chain.front()->fault.empty())
        return fail(EINVAL, fmt::format("{}/{}", path_, chain.front()->fault));
    return chain;
}

Result<UniqueFd> BackupStore::open_file(const StoredBackup &backup, const std::string &file) const {
    auto inner = open_beneath(folder_.get(), backup.name, O_RDONLY | O_DIRECTORY);
    auto opened = inner ? open_beneath(inner->get(), file, O_RDONLY) : std::move(inner);
    struct stat info {};
    if (!opened || fstat(opened->get(), &info) != 0 || !S_ISREG(info.st_mode))
        return fail(opened ? EINVAL : opened.error().code,
                    fmt::format("{}/{}/{} cannot be opened: {}", path_, backup.name, file,
                                opened ? "it is no file" : opened.error().message));
    return opened;
}

Result<BackupStore::Making> BackupStore::make(const std::string &checkpoint) const {
    Making making{checkpoint, {}};
    const std::string name = fmt::format("{}{}", kMaking, checkpoint);
    if (mkdirat(folder_.get(), name.c_str(), S_IRWXU) != 0)
        return fail_errno(errno, fmt::format("cannot make a folder in {}", path_));
    auto folder = open_beneath(folder_.get(), name, O_RDONLY | O_DIRECTORY);
    if (!folder)
        return std::unexpected(folder.error());
    making.folder = std::move(*folder);
    return making;
}

Result<UniqueFd> BackupStore::make_file(const Making &making, const std::string &name) {
    UniqueFd file(openat(making.folder.get(), name.c_str(),
                         O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, S_IRUSR | S_IWUSR));
    return file ? Result<UniqueFd>(std::move(file)) : fail_errno(errno, "cannot make " + name);
}

Result<> BackupStore::publish(const Making &making, const Manifest &manifest) const {
    const std::string name = fmt::format("{}{}", kMaking, making.name);
    const std::string text = manifest_text(manifest);
    if (auto readable = parse_manifest(text); !readable)
        return fail(readable.error().code,
                    "the backup could not be read again: " + readable.error().message);
    const auto file = make_file(making, kManifestName);
    if (!file)
        return std::unexpected(file.error());
    if (auto written = write_whole(file->get(), text); !written)
        return written;
    if (fsync(file->get()) != 0 || fsync(making.folder.get()) != 0)
        return fail_errno(errno, "cannot write the manifest");
    int failed = move_to_free_name(folder_.get(), name, folder_.get(), making.name);
    if (failed == 0 && fsync(folder_.get()) != 0)
        failed = errno;
    if (failed != 0)
        return fail_errno(failed, fmt::format("cannot make {}/{}", path_, making.name));
    return {};
}

void BackupStore::discard(const Making &making) const {
    (void)remove_tree(fmt::format("{}/{}{}", path_, kMaking, making.name), stays);
}

Result<> BackupStore::remove(const std::string &name) const {
    const std::string removing = fmt::format("{}{}", kRemoving, name);
    if (renameat(folder_.get(), name.c_str(), folder_.get(), removing.c_str()) != 0)
        return fail_errno(errno, fmt::format("cannot remove {}/{}", path_, name));
    const auto removed = remove_tree(path_ + "/" + removing, stays);
    return removed ? Result<>() : std::unexpected(removed.error());
}

SurplusBackups surplus_backups(const std::vector<StoredBackup> &backups, std::size_t keep) {
    std::set<std::string> kept;
    std::string oldest_known;  // of an older backup, nobody knows whether a kept one is made on it
    SurplusBackups surplus;
    const auto cannot_follow = [&](const std::string &name, std::string why) {
        if (name > oldest_known) {
            oldest_known = name;
            surplus.why_older_stay = std::move(why);
        }
    };
    for (std::size_t i = backups.size(), left = keep; i > 0 && left > 0; --i) {
        const StoredBackup *backup = &backups[i - 1];
        // What cannot be read may be of use to somebody, but is no backup to rely on.
        if (!backup->fault.empty())
            continue;
        --left;
        while (kept.insert(backup->name).second && !backup->manifest.since.empty()) {
            const std::string &since = backup->manifest.since;
            const auto before = std::ranges::find(backups, since, &StoredBackup::name);
            if (before == backups.end())
                cannot_follow(since, fmt::format("{} is made on {}, which is not there",
                                                 backup->name, since));
            else if (!before->fault.empty())
                cannot_follow(since, before->fault);
            else
                backup = &*before;
        }
    }
    for (std::size_t i = backups.size(); i > 0; --i)
        if (const StoredBackup &backup = backups[i - 1];
            backup.fault.empty() && !kept.contains(backup.name) && backup.name >= oldest_known)
            surplus.names.push_back(backup.name);
    return surplus;
}

}  // namespace qemunit::ctl
