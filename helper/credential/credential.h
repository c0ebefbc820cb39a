// SPDX-License-Identifier: MIT
//
// Takes what [Credential] File= names to where systemd loads it from, for qemu-credential@.service.
// It is root: a file of root's may be meant, and one that others can put there is read with the
// VM's user's rights.
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
extern const char *const kCredentialHelp;

// Makes the file `name` in `folder`, for root alone.
Result<> take_credential(const CredentialOptions &options, const std::string &folder);

}  // namespace qemunit::helper
