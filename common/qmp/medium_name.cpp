// SPDX-License-Identifier: MIT
#include "common/qmp/medium_name.h"

#include "common/qmp/qmp_client.h"

namespace qemunit {

std::optional<std::string> medium_in_set(const nlohmann::json &set, const std::string &drive) {
    const auto fds = set.is_object() ? set.find("fds") : set.end();
    if (fds == set.end() || !fds->is_array())
        return std::nullopt;
    const std::string prefix = medium_label(drive, "");
    for (const nlohmann::json &fd : *fds)
        if (const std::string text = fd.is_object() ? string_at(fd, "opaque") : "";
            text.starts_with(prefix))
            return text.substr(prefix.size());
    return std::nullopt;
}

}  // namespace qemunit
