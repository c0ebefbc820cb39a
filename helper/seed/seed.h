// SPDX-License-Identifier: MIT
//
// Makes the seed of [CloudInit], and the credentials that say the same, to where systemd loads them
// from, for qemu-credential@.service. Runs as root, since files that the ini names may be root's; a
// file that others can put there is read with the rights of the VM's user. Shows no password.
#pragma once

#include <string>
#include <vector>

#include "common/result.h"

namespace qemunit::helper {

struct SeedOptions {
    enum class Mode { make, help, version } mode = Mode::make;
    std::string instance;
    std::string owner;
    std::string user_data, meta_data, network_config;  // paths; "": not given
    std::string hostname;
    std::string user;
    std::vector<std::string> ssh_keys;
    std::vector<std::string> ssh_key_files;
    std::string password_file;
};

Result<SeedOptions> parse_seed_options(const std::vector<std::string> &arguments);
std::string seed_help();

// Makes the files in `folder`, for root alone.
Result<> make_seed(const SeedOptions &options, const std::string &folder);

}  // namespace qemunit::helper
