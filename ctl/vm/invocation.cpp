// SPDX-License-Identifier: MIT
#include "ctl/vm/invocation.h"

#include <algorithm>

#include "common/user_paths.h"

namespace qemunit::ctl {

bool Invocation::has(std::string_view option) const {
    return std::ranges::find(given, option, &Given::option) != given.end();
}

std::string Invocation::value(std::string_view option, std::string_view otherwise) const {
    std::string last(otherwise);
    for (const Given &one : given)
        if (one.option == option)
            last = one.value;
    return last;
}

std::vector<std::string> Invocation::values(std::string_view option) const {
    std::vector<std::string> values;
    for (const Given &one : given)
        if (one.option == option)
            values.push_back(one.value);
    return values;
}

Paths paths_of(const Invocation &invocation) {
    return invocation.bus == Invocation::Bus::user ? user_paths() : Paths{};
}

}  // namespace qemunit::ctl
