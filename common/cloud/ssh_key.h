// SPDX-License-Identifier: MIT
//
// Lines of authorized_keys and of .pub files (sshd(8), "AUTHORIZED_KEYS FILE FORMAT"). For the
// generator, which judges keys of an ini, and for who takes them out of files: qemunit-seed, and
// `qemunitctl new`. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/result.h"

namespace qemunit {

// A type, and a key in base64 that says the same type of itself; options may stand before, and a
// comment behind.
bool is_ssh_key(std::string_view line);

// Of an OpenSSH or PEM file with the secret half.
bool is_private_key(std::string_view text);

// The lines of the file `path` that are keys, each once; empty lines and comments are passed over.
// An error, which names the path and shows nothing of the file, if another line or none is there.
Result<std::vector<std::string>> ssh_keys_in(std::string_view path, std::string_view text);

}  // namespace qemunit
