// SPDX-License-Identifier: MIT
//
// The options of qemunit-seed, which the generator writes, and the names of what qemunit-seed
// makes.
#pragma once

#include <string_view>

namespace qemunit {

namespace seed_option {

inline constexpr std::string_view kInstance = "--instance";  // of the VM: what the ID begins with
inline constexpr std::string_view kOwner = "--owner";
inline constexpr std::string_view kUserData = "--user-data";
inline constexpr std::string_view kMetaData = "--meta-data";
inline constexpr std::string_view kNetworkConfig = "--network-config";
inline constexpr std::string_view kHostname = "--hostname";
inline constexpr std::string_view kUser = "--user";
inline constexpr std::string_view kSshKey = "--ssh-key";
inline constexpr std::string_view kSshKeyFile = "--ssh-key-file";
inline constexpr std::string_view kPasswordFile = "--password-file";

}  // namespace seed_option

// The volume with the seed, a credential of the VM's unit.
inline constexpr std::string_view kSeedVolume = "qemunit.seed";

}  // namespace qemunit
