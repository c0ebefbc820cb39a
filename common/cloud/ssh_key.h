// SPDX-License-Identifier: MIT
//
// Lines of authorized_keys and of .pub files (sshd(8), "AUTHORIZED_KEYS FILE FORMAT"). For the
// generator, which judges keys of an ini, and for qemunit-seed, which takes them out of files.
// Pure.
#pragma once

#include <string_view>

namespace qemunit {

// A type, and a key in base64 that says the same type of itself; options may stand before, and a
// comment behind.
bool is_ssh_key(std::string_view line);

// Of an OpenSSH or PEM file with the secret half.
bool is_private_key(std::string_view text);

}  // namespace qemunit
