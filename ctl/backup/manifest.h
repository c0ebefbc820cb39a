// SPDX-License-Identifier: MIT
//
// What one backup holds: the text of its manifest.json, which is written last. Names in there come
// from a file that somebody may have changed: what could lead out of the folder is refused. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/result.h"

namespace qemunit::ctl {

inline constexpr char kManifestName[] = "manifest.json";

struct BackedUpFile {
    std::string name;  // in the backup's folder: "root.qcow2", "tpm/tpm2-00.permall"
    uint64_t bytes = 0;
    std::string sha256;
};

struct BackedUpDisk {
    std::string name;    // "root"
    std::string format;  // of the VM's own image
    uint64_t size = 0;   // that the guest sees
    BackedUpFile file;   // qcow2; of an incremental backup, a layer on that of the backup before
};

struct Manifest {
    std::string vm;
    std::string checkpoint;    // the name of the folder, too
    std::string since;         // the backup that this one is made on; "" for a full one
    std::string since_sha256;  // of that one's manifest
    std::string state;         // of the guest: "frozen", "running", "off"
    std::vector<BackedUpDisk> disks;
    std::vector<BackedUpFile> files;  // all else: the ini, its drop-ins, UEFI variables, the TPM
};

// Of an image, in QEMU's words: one that `restore` can make again.
bool is_format_of_backups(std::string_view format);

std::string manifest_text(const Manifest &manifest);
Result<Manifest> parse_manifest(std::string_view text);

// A name of a file or folder of a backup, without "/".
bool is_plain_name(std::string_view name);

}  // namespace qemunit::ctl
