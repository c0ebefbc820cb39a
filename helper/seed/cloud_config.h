// SPDX-License-Identifier: MIT
//
// What [CloudInit] says, as the files of a NoCloud seed and as credentials for the guest's systemd.
// For qemunit-seed. Pure.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace qemunit::helper {

struct CloudConfig {
    std::string instance;  // the VM's UUID or name
    std::string hostname;  // "": MetaData= says it, or nobody
    std::string user;      // "": the image's own
    std::vector<std::string> ssh_keys;
    std::string password;  // its hash
    // The contents of UserData= and so on.
    std::optional<std::string> user_data, meta_data, network_config;
};

// For cloud-init, an instance with another ID is a new one, and what the seed says is done once for
// each: the ID changes with the content, and with that alone.
std::string instance_id(const CloudConfig &config);

// By their names in the seed.
std::map<std::string, std::string> seed_files(const CloudConfig &config);

// By their names, as files that QEMU hands over: by fw_cfg, or where the name is too long for that,
// as a string of SMBIOS.
std::map<std::string, std::string> guest_credentials(const CloudConfig &config);

}  // namespace qemunit::helper
