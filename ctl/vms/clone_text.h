// SPDX-License-Identifier: MIT
//
// The ini file of a clone, and each of its drop-ins, from those of the VM that is cloned: what two
// VMs cannot both have is another one, all else stays as it is. For `clone`. Pure.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace qemunit::ctl {

struct CloneWords {
    std::string from, to;                      // names
    std::string from_state, to_state;          // "/var/lib/qemunit/vm1"
    std::string uuid, cid;                     // new ones, for those who have one
    std::map<std::string, std::string> files;  // of File= of drives that are copied from elsewhere
    std::function<unsigned()> next_port;       // a free one of the host; 0: there is none
};

struct ClonedText {
    std::string text;
    std::vector<std::string> changed;  // "UUID= is a new one"
    std::vector<std::string> shared;   // what both VMs have, and somebody should know of
};

ClonedText cloned_text(std::string_view text, const CloneWords &words);

// The backing file that a copied image has to name. `image`: where the original is, `backing`: by
// its header. "": it is right as it is.
std::string moved_backing(const std::string &backing, const std::string &image,
                          const CloneWords &words);

}  // namespace qemunit::ctl
