// SPDX-License-Identifier: MIT
#include "helper/lifecycle/state_source.h"

#include <fmt/format.h>

#include <charconv>
#include <utility>

namespace qemunit::helper {

using nlohmann::json;

bool takes_files(const std::string &version) {
    unsigned major = 0, minor = 0;
    const char *const end = version.data() + version.size();
    const auto [dot, error] = std::from_chars(version.data(), end, major);
    if (error == std::errc{} && dot != end)
        std::from_chars(dot + 1, end, minor);
    return std::pair(major, minor) >= std::pair(8u, 2u);
}

// QEMU opens the file itself: in the sandbox, QEMU has the same folder as the companion. The source
// is no URI, since ",offset=" in a URI would not be part of the name.
json file_source(const std::string &path, off_t offset) {
    return {{"channels",
             json::array(
                 {{{"channel-type", "main"},
                   {"addr", {{"transport", "file"}, {"filename", path}, {"offset", offset}}}}})}};
}

json fd_source() {
    return {{"uri", fmt::format("fd:{}", kStateFdName)}};
}

}  // namespace qemunit::helper
