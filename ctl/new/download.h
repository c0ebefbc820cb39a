// SPDX-License-Identifier: MIT
//
// Has a file downloaded: qemunit-fetch in a unit of its own, which has the network and a folder and
// nothing else. For `new` and `images`. What comes is nobody's word: image_store.h checks it.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "common/result.h"
#include "common/unique_fd.h"
#include "ctl/vm/invocation.h"

namespace qemunit::ctl {

struct Wanted {
    std::string url;
    std::string file;  // what it is called in the folder of downloads
    uint64_t max_size;
};

using ShowProgress = std::function<void(uint64_t done, uint64_t total)>;

// The words of systemd-run(1) that come before those of a program that must not be trusted. With
// the network, it has a folder to write to as well: `folder` is that of a user.
std::vector<std::string> sandboxed(bool is_of_user, const std::string &folder, bool has_network);

// For reading; it still has its name there. `folder`: of the images of a user.
Result<UniqueFd> download(const Invocation &invocation, const std::string &folder,
                          const Wanted &wanted, const ShowProgress &show);
// When it is no longer wanted, or was the wrong one.
void forget_download(const Invocation &invocation, const std::string &folder,
                     const std::string &file);

}  // namespace qemunit::ctl
