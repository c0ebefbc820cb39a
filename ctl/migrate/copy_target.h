// SPDX-License-Identifier: MIT
//
// The image that the copy of a drive would go into, on the host that takes a VM over: whether it
// may be written over. Changes nothing. An image that has data is never taken, unless it is known
// to be what an earlier copy has left (CopyMark).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "common/files/copy_mark.h"

namespace qemunit::ctl {

struct CopyTarget {
    uint64_t length = 0;  // bytes, as a guest sees them
    CopiedImage image;
    std::string refusal;  // why nothing may be written into it, for a person; "" if it may
};

// `unfinished`: what an earlier copy has left, if that still counts.
CopyTarget copy_target(const std::string &drive, const std::string &path, std::string_view format,
                       const std::optional<UnfinishedCopy> &unfinished);

// Of an open image: a guest would read nothing but zeroes. False for what cannot be told.
bool is_blank(int image, std::string_view format);

}  // namespace qemunit::ctl
