// SPDX-License-Identifier: MIT
//
// The ini file of a VM that gets another name: paths follow its folder, and what was made of the
// old name is written down, so that the guest sees the machine that it had. For `rename`. Pure.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace qemunit::ctl {

// "/var/lib/qemunit/vm1/x" -> "/var/lib/qemunit/vm2/x", wherever it stands.
std::string moved_text(std::string_view text, const std::string &from_state,
                       const std::string &to_state);

struct MadeOfName {
    std::map<std::string, std::string> macs;  // of each network card
    std::string hostname;                     // of the guest; "": none
};
// `all`: the ini file and its drop-ins; what they say counts. Only sections of `text` get more
// keys.
std::string pinned_text(std::string_view text, const std::vector<std::string> &all,
                        const MadeOfName &made);

}  // namespace qemunit::ctl
