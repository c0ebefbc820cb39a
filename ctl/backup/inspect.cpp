// SPDX-License-Identifier: MIT
#include "ctl/backup/inspect.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <set>

#include "common/vm_name.h"
#include "ctl/backup/backup_tool.h"
#include "ctl/backup/disk_transfer.h"
#include "ctl/backup/store.h"
#include "ctl/output/table.h"

namespace qemunit::ctl {

namespace {

uint64_t bytes_of(const Manifest &manifest) {
    uint64_t bytes = 0;
    for (const BackedUpDisk &disk : manifest.disks)
        bytes += disk.file.bytes;
    for (const BackedUpFile &file : manifest.files)
        bytes += file.bytes;
    return bytes;
}

// `check`: what else has to be true of the file.
Result<> verify_file(const BackupStore &store, const StoredBackup &backup, const BackedUpFile &file,
                     Result<> (*check)(int file) = nullptr) {
    const auto opened = store.open_file(backup, file.name);
    if (!opened)
        return std::unexpected(opened.error());
    const auto sum = sum_of(opened->get());
    const auto path = fmt::format("{}/{}/{}", store.path(), backup.name, file.name);
    if (!sum)
        return fail(sum.error().code, fmt::format("{}: {}", path, sum.error().message));
    if (sum->sha256 != file.sha256)
        return fail(EIO, fmt::format("{} is not what was written: its sum is {}, and was {}", path,
                                     sum->sha256, file.sha256));
    if (const auto checked = check ? check(opened->get()) : Result<>(); !checked)
        return fail(EIO, fmt::format("{}: {}", path, checked.error().message));
    return {};
}

// qemu-img has checked each image when it was made: here it would take apart, as root, what the
// owner of the folder can change meanwhile.
Result<> verify_files(const BackupStore &store, const StoredBackup &backup) {
    for (const BackedUpDisk &disk : backup.manifest.disks)
        if (auto verified = verify_file(store, backup, disk.file, check_data_is_inside); !verified)
            return verified;
    for (const BackedUpFile &file : backup.manifest.files)
        if (auto verified = verify_file(store, backup, file); !verified)
            return verified;
    return {};
}

std::string list_json(const BackupStore &store) {
    auto list = nlohmann::ordered_json::array();
    for (const StoredBackup &backup : store.backups()) {
        const auto chain = store.chain_of(backup);
        nlohmann::ordered_json entry{{"checkpoint", backup.name}};
        if (backup.fault.empty()) {
            entry["vm"] = backup.manifest.vm;
            entry["since"] = backup.manifest.since.empty()
                                 ? nlohmann::ordered_json()
                                 : nlohmann::ordered_json(backup.manifest.since);
            entry["state"] = backup.manifest.state;
            entry["bytes"] = bytes_of(backup.manifest);
        }
        if (!chain)
            entry["fault"] = chain.error().message;
        list.push_back(std::move(entry));
    }
    return list.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

}  // namespace

std::string usual_backup_folder(const Paths &paths, const std::string &vm) {
    return fmt::format("{}/qemunit-backup/{}", paths.state, vm);
}

Result<int> run_backups(const Invocation &invocation) {
    const std::string &what = invocation.arguments[0];
    const bool is_vm = !what.contains('/') && is_vm_name(what);
    const auto store = BackupStore::open(
        is_vm ? usual_backup_folder(paths_of(invocation), what) : what, BackupStore::Use::read);
    if (!store)
        return std::unexpected(store.error());
    if (invocation.has("--json")) {
        fmt::print("{}", list_json(*store));
        return 0;
    }
    std::vector<std::vector<std::string>> rows{{"BACKUP", "VM", "SINCE", "GUEST", "SIZE"}};
    int status = 0;
    for (const StoredBackup &backup : store->backups()) {
        const auto chain = store->chain_of(backup);
        if (!chain) {
            fmt::print(stderr, "{}\n", chain.error().message);
            status = 1;
        }
        if (backup.fault.empty())
            rows.push_back({backup.name, backup.manifest.vm,
                            backup.manifest.since.empty() ? "-" : backup.manifest.since,
                            backup.manifest.state, size_text(bytes_of(backup.manifest))});
    }
    fmt::print("{}", table_text(rows));
    return status;
}

Result<int> run_verify(const Invocation &invocation) {
    const auto store = BackupStore::open(invocation.arguments[0], BackupStore::Use::read);
    if (!store)
        return std::unexpected(store.error());
    if (store->backups().empty())
        return fail(ENOENT, fmt::format("there is no backup in {}", store->path()));
    int status = 0;
    std::set<std::string> bad;
    for (const StoredBackup &backup : store->backups()) {
        const auto chain = store->chain_of(backup);
        Result<> verified =
            chain ? verify_files(*store, backup) : Result<>(std::unexpected(chain.error()));
        if (verified && bad.contains(backup.manifest.since))
            verified = fail(EIO, fmt::format("it is made on {}", backup.manifest.since));
        fmt::print("{}  {}\n", backup.name, verified ? "good" : verified.error().message);
        if (!verified) {
            bad.insert(backup.name);
            status = 1;
        }
    }
    return status;
}

}  // namespace qemunit::ctl
