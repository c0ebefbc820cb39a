// SPDX-License-Identifier: MIT
//
// A folder with the backups of one VM, a folder each by the name of its checkpoint. A backup is
// there whole, with its manifest, or not at all: until then, its folder's name begins with a dot.
// The folder is the administrator's; names in a manifest lead nowhere else.
#pragma once

#include <string>
#include <vector>

#include "common/result.h"
#include "common/unique_fd.h"
#include "ctl/backup/manifest.h"

namespace qemunit::ctl {

struct StoredBackup {
    std::string name;
    Manifest manifest;
    std::string sha256;  // of the manifest
    std::string fault;   // why it cannot be read; "" if it can
};

// From a full backup to the one that is wanted.
using BackupChain = std::vector<const StoredBackup *>;

class BackupStore {
  public:
    enum class Use { read, change };
    // To change it: makes the folder if there is none, waits for nobody else who changes it, and
    // removes what a backup that was cut short has left.
    static Result<BackupStore> open(const std::string &path, Use use);

    const std::string &path() const { return path_; }
    // The oldest first.
    const std::vector<StoredBackup> &backups() const { return backups_; }
    Result<BackupChain> chain_of(const StoredBackup &backup) const;

    // A file of a backup, for reading.
    Result<UniqueFd> open_file(const StoredBackup &backup, const std::string &file) const;

    // A backup that is being made, in a folder of its own.
    struct Making {
        std::string name;
        UniqueFd folder;
    };
    Result<Making> make(const std::string &checkpoint) const;
    static Result<UniqueFd> make_file(const Making &making, const std::string &name);
    // Everything in it is on the disk, and is a backup from now on.
    Result<> publish(const Making &making, const Manifest &manifest) const;
    // Everything in it is gone, as far as that can be done.
    void discard(const Making &making) const;
    // Removes it; nothing may be made on it.
    Result<> remove(const std::string &name) const;

  private:
    BackupStore(std::string path, UniqueFd folder)
        : path_(std::move(path)), folder_(std::move(folder)) {}
    Result<> read();

    std::string path_;
    UniqueFd folder_;
    std::vector<StoredBackup> backups_;
};

// Backups that are too many, so that the newest `keep` that can be read stay, and all that these
// are made on. Where a chain cannot be followed, whatever is older may be what it goes on with, and
// stays, too.
struct SurplusBackups {
    std::vector<std::string> names;  // those that are made on others come first
    std::string why_older_stay;      // "" if each chain could be followed
};
SurplusBackups surplus_backups(const std::vector<StoredBackup> &backups, std::size_t keep);

}  // namespace qemunit::ctl
