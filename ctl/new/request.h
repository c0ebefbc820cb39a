// SPDX-License-Identifier: MIT
//
// The options of `qemunitctl new`, checked as far as they can be without the image. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/result.h"
#include "ctl/vm/invocation.h"

namespace qemunit::ctl {

struct NewRequest {
    std::string name;
    std::string image;  // "" where there is none
    bool is_install = false, is_full_copy = false, is_dry_run = false, starts = false;
    uint64_t size = 0;         // 0: not given
    std::string architecture;  // of the image and of the machine
    std::string sha256;        // "sha256:…" of what a URL leads to
    std::string memory, cpus, firmware, bridge, login;
    std::vector<std::string> key_files;
    bool has_key_files = false;  // --ssh-key= alone: no keys
};

Result<NewRequest> parse_request(const Invocation &invocation);

// "20G"
std::optional<uint64_t> parse_size(std::string_view text);

}  // namespace qemunit::ctl
