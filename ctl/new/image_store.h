// SPDX-License-Identifier: MIT
//
// The images that were downloaded, /var/lib/qemunit-images or a user's own folder. What is in there
// was checked before it got its name, and is changed no more: disks of VMs are layers on it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/result.h"
#include "common/unique_fd.h"
#include "ctl/vm/invocation.h"

namespace qemunit::ctl {

struct StoredImage {
    std::string path, name, architecture;
    std::string digest;  // how it begins
    uint64_t bytes = 0;
    int64_t made = 0;  // seconds of the clock
};

std::string store_folder(const Invocation &invocation);

// The newest ones first.
std::vector<StoredImage> stored_images(const std::string &folder);
// With this digest, or the newest if that is "".
std::optional<StoredImage> find_stored(const std::string &folder, const std::string &name,
                                       const std::string &architecture,
                                       const std::string &digest = "");

// "sha256:…" of the file, by coreutils. `kind`: "sha256", "sha512".
Result<std::string> digest_of(int file, const std::string &kind);

// Makes the store's own copy of `file`, and keeps it if it is what `digest` says. Returns its path.
Result<std::string> keep_image(const std::string &folder, int file, const std::string &name,
                               const std::string &architecture, const std::string &digest);

}  // namespace qemunit::ctl
