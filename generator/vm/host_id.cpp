// SPDX-License-Identifier: MIT
#include "generator/vm/host_id.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>

#include "common/unique_fd.h"
#include "common/whole_number.h"

namespace qemunit::generator {

std::optional<HostId> parse_host_id(std::string_view text) {
    if (text.ends_with('\n'))
        text.remove_suffix(1);
    HostId id;
    if (text.size() != 2 * id.bytes.size())
        return std::nullopt;
    for (std::size_t i = 0; i < id.bytes.size(); ++i) {
        const auto byte = whole_number<uint8_t>(text.substr(2 * i, 2), {.base = 16});
        if (!byte)
            return std::nullopt;
        id.bytes[i] = *byte;
    }
    if (std::ranges::all_of(id.bytes, [](uint8_t byte) { return byte == 0; }))
        return std::nullopt;
    return id;
}

std::optional<HostId> read_host_id(const std::string &root) {
    const UniqueFd fd(
        open((root + "/etc/machine-id").c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
    char text[64];
    const ssize_t size = fd ? read(fd.get(), text, sizeof text) : -1;
    return size > 0 ? parse_host_id({text, static_cast<std::size_t>(size)}) : std::nullopt;
}

}  // namespace qemunit::generator
