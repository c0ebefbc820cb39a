// SPDX-License-Identifier: MIT
//
// What of a VM is backed up beside its disks: its ini file and drop-ins, UEFI variables, the state
// of its TPM; and the disks themselves of a VM that is off. Whoever runs the VM owns its folder:
// each file in there is opened by the folder's descriptor, and no link counts.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "common/files/account.h"
#include "common/paths.h"
#include "common/result.h"
#include "common/unique_fd.h"
#include "ctl/backup/store.h"

namespace qemunit::ctl {

inline constexpr char kIniName[] = "vm.ini";
inline constexpr char kVariablesFile[] = "uefi-variables.fd";  // in the VM's folder and in a backup
inline constexpr char kTpmFolder[] = "tpm";

// Copies them into the backup that is being made; `state`: the VM's folder. UEFI variables only of
// a VM that is off: those of one that runs come with its disks.
Result<> back_up_files(const Paths &paths, const std::string &state, bool is_off,
                       const BackupStore::Making &making, Manifest &manifest);

// The sum of a file that is complete, and the file as one of the backup's.
Result<BackedUpFile> finished_file(int file, const std::string &name);

// A disk that the VM writes, by its ini.
struct OffDisk {
    std::string name, format, path;
    std::vector<std::string> layers;  // that the ini says the image is a layer on, and so on down
    std::optional<Account> user;      // of User=
};
Result<std::vector<OffDisk>> disks_of_off_vm(const Paths &paths, const std::string &vm,
                                             const std::string &state);
// Into `to`, with all that the image is a layer on. Fails if the image names a file as a layer that
// the ini does not.
Result<> pull_off_disk(const Paths &paths, const OffDisk &disk, const BackupStore::Making &making,
                       int to);

}  // namespace qemunit::ctl
