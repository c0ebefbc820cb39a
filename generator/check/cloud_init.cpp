// SPDX-License-Identifier: MIT
#include <fmt/format.h>

#include "generator/check/sections.h"

namespace qemunit::generator {

void check_cloud_init(const Vm &vm, Findings &findings) {
    const CloudInit &cloud = vm.cloud_init;
    const auto exclude = [&](std::string_view file, std::string_view key, bool are_given) {
        if (are_given)
            findings.error("CloudInit", key,
                           fmt::format("{}= and {}= exclude each other: what the file says would "
                                       "not be added to; write it into the file.",
                                       file, key));
    };
    exclude("UserData", "User", cloud.user_data && cloud.user);
    exclude("UserData", "SSHKey", cloud.user_data && !cloud.ssh_keys.empty());
    exclude("UserData", "Password", cloud.user_data && cloud.password);
    exclude("MetaData", "Hostname", cloud.meta_data && cloud.hostname);
}

}  // namespace qemunit::generator
