// SPDX-License-Identifier: MIT
//
// Copies the file that [Credential] File= names to where systemd loads it from, for
// qemu-credential@.service. Runs as root, since the file may be root's; a file that others can put
// there is read with the rights of the VM's user.
#pragma once

#include <string>
#include <vector>

#include "common/result.h"

namespace qemunit::helper {

struct CredentialOptions {
    enum class Mode { take, help, version } mode = Mode::take;
    std::string owner;
    std::string name;
    std::string path;
};

Result<CredentialOptions> parse_credential_options(const std::vector<std::string> &arguments);
std::string credential_help();

// Makes the file `name` in `folder`, for root alone.
Result<> take_credential(const CredentialOptions &options, const std::string &folder);

}  // namespace qemunit::helper
